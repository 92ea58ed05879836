"""What the engine is told at start: folders, memory, durability, and the roles behind our users."""

from __future__ import annotations

import os
import re
import uuid
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from include.warehouse.embedded.auth import User
from include.warehouse.embedded.views import ENGINE_LOG

GIB = 1024**3

ADMIN_ROLE = "admin"
READER_ROLE = "reader"
# chDB's default database shows every file that the process can read as a table. It gets this name, our `default` is an
# ordinary database, and both roles lose all rights to it.
FILES_DATABASE = "local_files"

_CONFIG = """<clickhouse>
    <path>{path}/</path>
    <user_files_path>{user_files}/</user_files_path>
    <users_config>{users}</users_config>
    <timezone>UTC</timezone>
    <display_name>{display_name}</display_name>
    <default_database>{files_database}</default_database>
    <prepare_system_log_tables_on_startup>1</prepare_system_log_tables_on_startup>
    <query_log>
        <database>system</database>
        <table>{query_log}</table>
        <flush_interval_milliseconds>1000</flush_interval_milliseconds>
        <ttl>event_date + INTERVAL 30 DAY</ttl>
    </query_log>
    <mlock_executable>false</mlock_executable>
    <max_server_memory_usage>{memory}</max_server_memory_usage>
    <mark_cache_size>268435456</mark_cache_size>
    <background_pool_size>2</background_pool_size>
    <background_schedule_pool_size>8</background_schedule_pool_size>
    <merge_tree>
        <fsync_after_insert>1</fsync_after_insert>
        <fsync_part_directory>1</fsync_part_directory>
        <min_rows_to_fsync_after_merge>1</min_rows_to_fsync_after_merge>
        <number_of_free_entries_in_pool_to_execute_mutation>1</number_of_free_entries_in_pool_to_execute_mutation>
        <number_of_free_entries_in_pool_to_lower_max_size_of_merge>1\
</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
        <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>1\
</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
    </merge_tree>
</clickhouse>
"""

_USERS = """<clickhouse>
    <profiles>
        <default>
            <max_memory_usage>{memory}</max_memory_usage>
            <fsync_metadata>1</fsync_metadata>
            <log_queries>0</log_queries>
            <!-- It remembers which granules a condition misses, also of conditions on sets that a later query computes
                 anew: rows would be overlooked. -->
            <use_query_condition_cache>0</use_query_condition_cache>
            <constraints><max_memory_usage><min>1</min><max>{memory}</max></max_memory_usage></constraints>
        </default>
    </profiles>
    <roles>
        <admin><grants>
            <query>GRANT ALL ON *.*</query>
            <query>REVOKE SYSTEM SHUTDOWN, SQLITE ON *.*</query>
            <query>REVOKE ALL ON {files_database}.*</query>
        </grants></admin>
        <reader><grants>
            <query>GRANT SELECT, SHOW, dictGet, CREATE TEMPORARY TABLE, KILL QUERY ON *.*</query>
            <query>REVOKE ALL ON {files_database}.*</query>
        </grants></reader>
    </roles>
    <users>
        <default>
            <password></password>
            <networks><ip>::/0</ip></networks>
            <profile>default</profile>
            <quota>default</quota>
            <grants><query>GRANT admin</query><query>GRANT reader</query></grants>
        </default>
        {users}
    </users>
    <quotas><default/></quotas>
</clickhouse>
"""


# Queries run as chDB's one user. Ours are known to the engine for dictionaries, whose source names a user.
_USER = """<{name}>
            <password_sha256_hex>{digest}</password_sha256_hex>
            <networks><ip>::1</ip><ip>127.0.0.1</ip></networks>
            <profile>default</profile>
            <quota>default</quota>
            <grants><query>GRANT {role}</query></grants>
        </{name}>
        """
_TAG = re.compile(r"[A-Za-z_][\w.-]*")


@dataclass(frozen=True)
class EngineConfig:
    """Where the engine keeps its data and how much it may use."""

    path: Path
    user_files: Path
    max_memory_bytes: int
    workers: int
    display_name: str
    users: tuple[User, ...] = ()

    @property
    def home(self) -> Path:
        """The server's own folder inside the data folder: lock, configuration, spooled bodies."""
        return self.path / ".server"

    @property
    def spool(self) -> Path:
        """Where the bodies of inserts wait until they are complete."""
        return self.home / "spool"

    @property
    def intents(self) -> Path:
        """Where replacements of partitions are noted while they run."""
        return self.home / "intents"

    def write(self) -> Path:
        """Write the engine's configuration files and return the main one."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.spool.mkdir(exist_ok=True)
        for left in self.spool.iterdir():
            left.unlink()
        users = self.home / "users.xml"
        users.touch(mode=0o600)
        users.write_text(
            _USERS.format(memory=self.max_memory_bytes, files_database=FILES_DATABASE, users=self._engine_users())
        )
        config = self.home / "config.xml"
        config.write_text(
            _CONFIG.format(
                path=escape(str(self.path)),
                user_files=escape(str(self.user_files)),
                users=escape(str(users)),
                display_name=escape(self.display_name),
                memory=self.max_memory_bytes,
                files_database=FILES_DATABASE,
                query_log=ENGINE_LOG,
            )
        )
        self._write_databases()
        return config

    def _engine_users(self) -> str:
        return "".join(
            _USER.format(name=user.name, digest=user.digest.hex(), role=READER_ROLE if user.readonly else ADMIN_ROLE)
            for user in self.users
            if user.name != "default" and _TAG.fullmatch(user.name)
        )

    def _write_databases(self) -> None:
        """Make `default` and `system` ordinary databases on disk, before the engine starts.

        Otherwise chDB makes `default` its view of the file system and `system` one that forgets the query log.
        """
        metadata = self.path / "metadata"
        metadata.mkdir(exist_ok=True)
        for name in ("default", "system"):
            link, definition = metadata / name, metadata / f"{name}.sql"
            if not definition.exists():
                # A folder of an earlier version: its tables of `default` are in the database that the link points to.
                known = link.readlink().name if link.is_symlink() else str(uuid.uuid4())
                definition.write_text(f"ATTACH DATABASE _ UUID '{known}'\nENGINE = Atomic\n")
        # The engine makes this link again. At start it would give the UUID behind it to the other database.
        (metadata / "default").unlink(missing_ok=True)


def default_memory_gb() -> float:
    """Return 60 % of the machine's memory in GiB."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return round(0.6 * total / GIB, 2)

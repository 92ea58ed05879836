"""Typed settings from ``INSIGHTFLOW_*`` variables and ``.env``.

Everything that differs between two installations is here: folders, URLs, ports, secrets. Secrets that are not
given are generated once into ``<home>/secrets.json`` (mode 0600) for a development installation; production
refuses to start without its own.
"""

from __future__ import annotations

import base64
import json
import os
import secrets as token
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

REPO = Path(__file__).resolve().parents[1]

SECRET_FIELDS = (
    "clickhouse_password",
    "clickhouse_reader_password",
    "postgres_password",
    "admin_password",
    "jwt_secret",
    "airflow_secret_key",
    "airflow_fernet_key",
)


# What to do where `home` has no secrets: make them, refuse, or do without (they are made up and not kept).
Absent = Literal["make", "refuse", "do without"]
_absent: Absent = "make"


class NotInstalled(RuntimeError):
    """There is no installation at ``home``; the message names the remedy."""


def where_not_installed(what: Absent) -> None:
    """What settings of this process do from now on where there is no installation: who only looks makes none."""
    global _absent
    _absent = what
    get_settings.cache_clear()


class Settings(BaseSettings):
    """One installation. Field ``x`` is the variable ``INSIGHTFLOW_X``."""

    model_config = SettingsConfigDict(env_prefix="INSIGHTFLOW_", env_file=REPO / ".env", extra="ignore")

    environment: Literal["development", "production"] = "development"
    home: Path = REPO / "var"
    host: str = "127.0.0.1"
    workspace: str = "demo"

    clickhouse_port: int = 8123
    postgres_port: int = 5433
    airflow_port: int = 8080
    api_port: int = 8000

    # URLs without credentials; empty means the embedded service on the port above.
    clickhouse_url: str = ""
    postgres_url: str = ""
    airflow_url: str = ""
    # Addresses as browsers see them, for links and for who may show the dashboard in a frame; empty means as above.
    public_url: str = ""
    public_airflow_url: str = ""
    bucket: str = ""
    # A folder with specs of sources of one's own, beside those in include/landing/sources or in their place.
    sources: Path | None = None
    # How the ClickHouse server names the bucket's root when it is a folder it can read: a prefix below its
    # user_files_path. The embedded server's user_files_path is <home>, so its prefix is "landing".
    clickhouse_bucket_path: str = "landing"

    # Name of the cluster that the server belongs to (docs/cluster.md); empty: it stands alone.
    clickhouse_cluster: str = ""

    clickhouse_user: str = "admin"
    clickhouse_reader: str = "analyst"
    postgres_user: str = "insightflow"
    admin_user: str = "admin"

    clickhouse_password: SecretStr = SecretStr("")
    clickhouse_reader_password: SecretStr = SecretStr("")
    postgres_password: SecretStr = SecretStr("")
    admin_password: SecretStr = SecretStr("")
    jwt_secret: SecretStr = SecretStr("")
    airflow_secret_key: SecretStr = SecretStr("")
    airflow_fernet_key: SecretStr = SecretStr("")

    # The API: life of its tokens; uvicorn's processes; how old an answer may be; its cache, of each process.
    access_token_minutes: int = 15
    refresh_token_days: int = 14
    api_workers: int = 1
    api_fresh_seconds: float = 0.5
    api_cache_mb: int = 64
    # Requests of a caller, and failed log-ins of a name and address (notation of the package `limits`).
    api_rate_limit: str = "30000/minute"
    login_rate_limit: str = "10/minute"
    # Where the counts are: memory:// counts by process, redis://… for all.
    api_rate_storage: str = "memory://"
    # Largest upload, all of its files together.
    ingest_max_mb: int = 2048
    # Alerts reach no addresses of this machine or its networks unless this is set.
    alert_local_targets: bool = False
    # An OpenAI-compatible server that words summaries; empty: templates.
    llm_url: str = ""
    llm_model: str = ""
    llm_key: SecretStr = SecretStr("")
    llm_timeout: float = 20.0

    # How many Airflow tasks run at once, how many of them build with dbt, and how many threads each build uses.
    airflow_parallelism: int = 4
    build_slots: int = 2
    # A task a layer, or (with astronomer-cosmos installed) a task a model.
    dbt_tasks: Literal["layers", "models"] = "layers"
    dbt_threads: int = 2
    max_insights_a_day: int = 20
    # How often the bucket is listed for new files; raise it for a large bucket that costs by request.
    bucket_poll_seconds: float = 1.0
    # Seconds that `up` waits for one service, and that `down` waits for running tasks.
    start_timeout: int = 180
    stop_timeout: int = 60

    @model_validator(mode="after")
    def _complete(self) -> Settings:
        # A relative folder is below the repository, so that every process means the same one.
        self.home = (REPO / self.home.expanduser()).resolve()
        missing = [f for f in SECRET_FIELDS if not getattr(self, f).get_secret_value()]
        if missing and self.environment == "production":
            names = ", ".join(f"INSIGHTFLOW_{f.upper()}" for f in missing)
            raise ValueError(f"production needs its own secrets; set {names}")
        if missing:
            stored = _stored_secrets(self.home)
            for field in missing:
                setattr(self, field, SecretStr(stored[field]))
        self.clickhouse_url = self.clickhouse_url or f"http://{self.host}:{self.clickhouse_port}"
        self.postgres_url = self.postgres_url or f"postgresql://{self.host}:{self.postgres_port}/insightflow"
        self.airflow_url = self.airflow_url or f"http://{self.host}:{self.airflow_port}"
        self.public_url = (self.public_url or f"http://{self.host}:{self.api_port}").rstrip("/")
        self.public_airflow_url = (self.public_airflow_url or self.airflow_url).rstrip("/")
        self.bucket = self.bucket or (self.home / "landing").as_uri()
        return self

    @property
    def clickhouse_embedded(self) -> bool:
        """Whether ``up`` starts the embedded ClickHouse (no URL of another server was given)."""
        return self.clickhouse_url == f"http://{self.host}:{self.clickhouse_port}"

    @property
    def postgres_embedded(self) -> bool:
        """Whether ``up`` starts the embedded PostgreSQL."""
        return self.postgres_url == f"postgresql://{self.host}:{self.postgres_port}/insightflow"

    def postgres_dsn(self, database: str | None = None) -> str:
        """URL with credentials (SQLAlchemy, psycopg2), of the application database unless another is named."""
        return _with_credentials(
            self.postgres_url, self.postgres_user, self.postgres_password.get_secret_value(), database
        )

    def clickhouse_dsn(self, database: str = "default") -> str:
        """SQLAlchemy URL of the warehouse for clickhouse-connect's dialect."""
        url = _with_credentials(
            self.clickhouse_url, self.clickhouse_user, self.clickhouse_password.get_secret_value(), database
        )
        scheme, rest = url.split("://", 1)
        return f"clickhousedb://{rest}" + ("?secure=true" if scheme == "https" else "")


def _with_credentials(url: str, user: str, password: str, database: str | None) -> str:
    parts = urlsplit(url)
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    netloc = parts.netloc if "@" in parts.netloc else f"{login}@{parts.netloc}"
    path = f"/{database}" if database else parts.path
    return urlunsplit((parts.scheme, netloc, path, parts.query, parts.fragment))


def _stored_secrets(home: Path) -> dict[str, str]:
    """Read ``<home>/secrets.json``; make it, or the fields that it lacks, on first use with mode 0600.

    Several processes may start at once: the first to link its file wins, the others read that one.
    """
    path = home / "secrets.json"
    if _absent == "refuse" and not path.exists():
        raise NotInstalled(
            f"there is no installation at {home}. `bin/insightflow up` makes one there; for another, set INSIGHTFLOW_HOME to"
            " its folder"
        )
    if _absent == "do without" and not path.exists():
        return _made_secrets()
    home.mkdir(parents=True, exist_ok=True)
    stored = dict(json.loads(path.read_text())) if path.exists() else {}
    if all(field in stored for field in SECRET_FIELDS):
        return stored
    complete = _made_secrets() | stored
    draft = home / f".secrets.{os.getpid()}.{token.token_hex(4)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(complete, file, indent=1)
    if stored:
        draft.replace(path)
    else:
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return dict(json.loads(path.read_text()))


def _made_secrets() -> dict[str, str]:
    made = {field: token.token_urlsafe(18) for field in SECRET_FIELDS}
    made["jwt_secret"] = token.token_urlsafe(64)
    made["airflow_secret_key"] = token.token_urlsafe(32)
    made["airflow_fernet_key"] = base64.urlsafe_b64encode(os.urandom(32)).decode()
    return made


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()

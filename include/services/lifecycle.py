"""Start and stop an installation: ordered, checked, repeatable, and nothing of ours left behind."""

from __future__ import annotations

import fcntl
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from include.services import airflow_setup, migrations, postgres, processes
from include.services.airflow_client import AirflowClient
from include.services.errors import ServiceError, tail
from include.services.programs import Program, programs
from include.services.supervisor import Supervisor
from include.settings import Settings
from include.transform.runner import write_manifest

Say = Callable[[str], None]

# supervisord says STARTING for the first seconds of a process that runs.
ALIVE = ("RUNNING", "STARTING")


def up(
    settings: Settings, say: Say = print, *, only: tuple[str, ...] = (), set_postgres_password: bool = False
) -> float:
    """Start every service in order and wait until each answers; return the seconds it took.

    ``only`` limits it to the named programs (tests start the engines without Airflow). Safe to repeat: what runs
    and answers is left alone, what died or changed its configuration is started again.
    ``set_postgres_password`` gives the embedded PostgreSQL the password of the settings first.
    Raises ``ServiceError`` that names the service, its log and a remedy.
    """
    begun = time.monotonic()
    with _locked(settings):
        supervisor = Supervisor(settings)
        listed = [p for p in programs(settings) if not only or p.name in only]
        if not supervisor.alive():
            _end_leftovers(settings, say)
        running = {name for name, info in supervisor.states().items() if info["statename"] in ALIVE}
        _refuse_taken_ports([p for p in listed if p.name not in running], settings)
        airflow_setup.write_login(settings)
        migrations.write_clickhouse_users(settings)
        (settings.home / "landing").mkdir(parents=True, exist_ok=True)
        changed = supervisor.configure(listed)
        if supervisor.alive():
            supervisor.reload()
            for name in running.intersection(changed):
                say(f"{name}: its settings changed, restarting it")
                supervisor.stop_program(name)
        else:
            supervisor.start()
        if set_postgres_password and settings.postgres_embedded:
            supervisor.stop_program("postgres")
            postgres.set_password(settings)
        _Starter(settings, supervisor, {p.name: p for p in listed}, say).start_all()
    return time.monotonic() - begun


def down(settings: Settings, say: Say = print, *, wait_for_tasks: bool = True) -> None:
    """Wait for running tasks up to ``stop_timeout``, stop everything, end whatever is left of this home."""
    with _locked(settings):
        supervisor = Supervisor(settings)
        states = supervisor.states()
        scheduling = states.get("airflow-scheduler", {}).get("statename") == "RUNNING"
        if scheduling and not (wait_for_tasks and _tasks_ended(settings, say)):
            # Told politely, the scheduler would wait for its tasks; they end with what is left of it below.
            supervisor.call("stopProcess", "airflow-scheduler", False)
            supervisor.kill_program("airflow-scheduler")
        if states:
            # Front to back: nothing loses its database while it works.
            order = ["api", *(n for n in reversed(list(states)) if n.startswith("airflow-")), *states]
            airflow = [name for name in dict.fromkeys(order) if name not in ("postgres", "clickhouse")]
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(supervisor.stop_program, [n for n in airflow if n in states]))
                list(pool.map(supervisor.stop_program, [n for n in ("clickhouse", "postgres") if n in states]))
            supervisor.shutdown()
            say("stopped " + ", ".join(name for name in states if states[name]["statename"] == "RUNNING"))
        elif not processes.of_installation(settings):
            say("nothing was running")
        _end_leftovers(settings, say)
        supervisor.socket.unlink(missing_ok=True)


class _Starter:
    """Starts programs as early as what they need answers."""

    def __init__(self, settings: Settings, supervisor: Supervisor, listed: dict[str, Program], say: Say) -> None:
        self.settings = settings
        self.supervisor = supervisor
        self.listed = listed
        self.say = say

    def start_all(self) -> None:
        """Engines side by side, then migrations, then Airflow and the API."""
        with ThreadPoolExecutor(6) as pool:
            engines = [pool.submit(self._postgres), pool.submit(self._clickhouse)]
            postgres_ready, clickhouse_ready = engines
            postgres_ready.result()
            airflow = pool.submit(self._airflow)
            clickhouse_ready.result()
            api = pool.submit(self._api)
            for future in (airflow, api):
                future.result()

    def _postgres(self) -> None:
        if "postgres" in self.listed:
            if self.supervisor.state("postgres") not in ALIVE and postgres.prepare(self.settings):
                self.say("postgres: made a new cluster")
            self._start("postgres")
        if problem := postgres.answers(self.settings):
            raise ServiceError(f"PostgreSQL at {self.settings.postgres_url} refuses us: {problem}")
        postgres.ensure_databases(self.settings)
        migrations.migrate_postgres(self.settings)

    def _clickhouse(self) -> None:
        if "clickhouse" in self.listed:
            self._start("clickhouse")
        elif self.settings.clickhouse_embedded:
            return  # left out on purpose, by `only`
        for name in migrations.migrate_clickhouse(self.settings):
            self.say(f"clickhouse: applied {name}")

    def _airflow(self) -> None:
        if "airflow-api-server" not in self.listed:
            return
        if airflow_setup.migrate_metadata(self.settings):
            self.say("airflow: made its tables")
        if self.settings.dbt_tasks == "models" and write_manifest(self.settings):
            self.say("dbt: parsed the project for the DAGs")
        # All at once: the scheduler itself waits for the api-server, and imports are what takes the time.
        others = [name for name in self.listed if name.startswith("airflow-")]
        for name in others:
            self.supervisor.start_program(name)
        self._start("airflow-api-server")
        airflow_setup.ensure_pools(self.settings)
        for name in others[1:]:
            self._start(name)

    def _api(self) -> None:
        if "api" in self.listed:
            self._start("api")

    def _start(self, name: str) -> None:
        """Start a program and wait until it answers."""
        program = self.listed[name]
        begun = time.monotonic()
        if self.supervisor.state(name) in ALIVE and not program.problem():
            return
        self.supervisor.start_program(name)
        problem = "it did not start"
        failures = 0
        while time.monotonic() - begun < self.settings.start_timeout:
            problem = program.problem()
            if name == "postgres" and postgres.refuses_password(problem):
                raise ServiceError(
                    f"PostgreSQL refuses the password of the settings: {problem}\n"
                    f"  {postgres.password_remedy(self.settings)}"
                )
            state = self.supervisor.state(name)
            if not problem and state in ALIVE:
                address = f" at {program.address}" if program.address else ""
                self.say(f"{name}: ready{address} after {time.monotonic() - begun:.1f} s")
                return
            failures += state in ("BACKOFF", "EXITED")
            if state == "FATAL" or failures > 40:
                problem = "it keeps ending right after its start"
                break
            time.sleep(0.25)
        log = self.supervisor.log_of(name)
        raise ServiceError(f"{name} is not ready: {problem}\n  its log is {log}, which ends with:\n{tail(log)}")


def _tasks_ended(settings: Settings, say: Say) -> bool:
    """Wait until no task instance runs; return False after ``stop_timeout`` or when Airflow does not answer."""
    end = time.monotonic() + settings.stop_timeout
    told = False
    try:
        with AirflowClient(settings) as airflow:
            while time.monotonic() < end:
                running = airflow.get("/dags/~/dagRuns/~/taskInstances", state="running", limit=20)
                if not running["total_entries"]:
                    return True
                if not told:
                    names = ", ".join(t["dag_id"] + "." + t["task_id"] for t in running["task_instances"])
                    say(f"waiting up to {settings.stop_timeout} s for {names} (`down --now` does not wait)")
                    told = True
                time.sleep(0.5)
            say("tasks still run; Airflow will run them again after the next `up`")
    except ServiceError:
        pass
    return False


def _end_leftovers(settings: Settings, say: Say) -> None:
    left = processes.of_installation(settings)
    if left:
        say("ending what is left of an earlier run: " + ", ".join(map(processes.describe, left)))
        processes.end(left)


def _refuse_taken_ports(listed: list[Program], settings: Settings) -> None:
    for program in listed:
        if program.port is None:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.host, program.port))
            except OSError as error:
                who = processes.listener(program.port)
                raise ServiceError(
                    f"{program.name} needs port {program.port}, which {who or 'another program'} uses; "
                    f"set {program.port_setting} to a free port (in .env or the environment)"
                ) from error


@contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    """One `up` or `down` of an installation at a time."""
    folder = settings.home / "run"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lifecycle.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServiceError("another `up` or `down` of this installation is at work; wait for it") from None
        yield

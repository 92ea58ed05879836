"""supervisord: its configuration, its start, and the few calls that we make on it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from http.client import HTTPException
from pathlib import Path
from typing import Any

import psutil

from include.services.environment import SERVICE_MARK
from include.services.errors import ServiceError, tail
from include.services.programs import LAUNCHER, Program, working_directory
from include.settings import Settings

# An AF_UNIX path holds 108 bytes, and supervisord binds a temporary name that is a little longer.
LONGEST_SOCKET_PATH = 90
NOT_ANSWERING = (OSError, HTTPException, xmlrpc.client.ProtocolError)


class Supervisor:
    """The supervisord of one installation."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = settings.home / "run"
        self.logs = settings.home / "logs"
        self.config = self.folder / "supervisord.conf"
        self.log = self.logs / "supervisord.log"

    @property
    def socket(self) -> Path:
        """Control socket: in ``<home>/run`` or, where that path is too long, in a private folder of /tmp."""
        near = self.folder / "supervisor.sock"
        if len(os.fsencode(near)) <= LONGEST_SOCKET_PATH:
            return near
        name = hashlib.sha256(os.fsencode(self.settings.home)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"insightflow-{os.geteuid()}-{name}" / "supervisor.sock"

    def call(self, method: str, *arguments: Any) -> Any:
        """One XML-RPC call. Raises ``xmlrpc.client.Fault`` when refused, ``OSError`` when nobody answers."""
        from supervisor.xmlrpc import SupervisorTransport

        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
        try:
            return getattr(proxy.supervisor, method)(*arguments)
        finally:
            transport.close()

    def alive(self) -> bool:
        """Whether our supervisord answers."""
        try:
            return bool(self.call("getState")["statename"] == "RUNNING")
        except NOT_ANSWERING:
            return False

    def states(self) -> dict[str, dict[str, Any]]:
        """supervisord's record of each program (``statename``, ``pid``, ``start``, …); empty when it is not running."""
        try:
            return {str(info["name"]): info for info in self.call("getAllProcessInfo")}
        except NOT_ANSWERING:
            return {}

    def state(self, name: str) -> str:
        """State of one program: RUNNING, STARTING, BACKOFF, STOPPED, EXITED, FATAL, or '' when unknown."""
        return str(self.states().get(name, {}).get("statename", ""))

    def log_of(self, name: str) -> Path:
        """The log file of a program."""
        return self.logs / f"{name}.log"

    def configure(self, programs: list[Program]) -> list[str]:
        """Write the configuration and the launch files; return the programs whose launch file changed."""
        for folder in (self.folder, self.logs, self.folder / "services", self.socket.parent):
            folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        if self.socket.parent != self.folder:
            self._own_socket_folder()
        changed = [program.name for program in programs if self._write_launch_file(program)]
        write_private(self.config, self._configuration(programs))
        return changed

    def start(self, deadline: float = 20.0) -> None:
        """Start the daemon and wait until it answers. Raises ``ServiceError`` when it does not."""
        # Children get this environment too; whoever runs `up` may have marked it for something else.
        inherited = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
        started = subprocess.run(
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.config)],
            env=inherited | {SERVICE_MARK: "supervisord", "INSIGHTFLOW_HOME": str(self.settings.home)},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        end = time.monotonic() + deadline
        while started.returncode == 0 and time.monotonic() < end:
            if self.alive():
                return
            time.sleep(0.05)
        raise ServiceError(
            f"supervisord does not start: {(started.stderr or started.stdout).strip()}\n"
            f"  its log is {self.log}\n{tail(self.log)}"
        )

    def reload(self) -> None:
        """Take a changed list of programs into a running supervisord."""
        added, changed, removed = self.call("reloadConfig")[0]
        for name in [*changed, *removed]:
            self.stop_program(name)
            self.call("removeProcessGroup", name)
        for name in [*changed, *added]:
            self.call("addProcessGroup", name)

    def start_program(self, name: str) -> None:
        """Start a program without waiting; nothing happens when it runs."""
        if self.state(name) not in ("RUNNING", "STARTING"):
            try:
                self.call("startProcess", name, False)
            except xmlrpc.client.Fault as fault:
                if "ALREADY_STARTED" not in fault.faultString:
                    raise ServiceError(f"{name} cannot be started: {fault.faultString}") from fault

    def stop_program(self, name: str) -> None:
        """Stop a program and wait; nothing happens when it does not run."""
        try:
            self.call("stopProcess", name, True)
        except xmlrpc.client.Fault as fault:
            if "NOT_RUNNING" not in fault.faultString and "BAD_NAME" not in fault.faultString:
                raise ServiceError(f"{name} cannot be stopped: {fault.faultString}") from fault

    def kill_program(self, name: str) -> None:
        """End a program at once; nothing happens when it does not run."""
        with contextlib.suppress(xmlrpc.client.Fault):
            self.call("signalProcess", name, "KILL")

    def shutdown(self, deadline: float = 30.0) -> None:
        """End supervisord with all that it still runs, and wait until it is gone."""
        try:
            daemon = psutil.Process(self.call("getPID"))
            self.call("shutdown")
            daemon.wait(deadline)
        except (*NOT_ANSWERING, xmlrpc.client.Fault, psutil.Error):
            return

    def _write_launch_file(self, program: Program) -> bool:
        Path(working_directory(self.settings, program.name)).mkdir(parents=True, exist_ok=True)
        service = {
            "command": program.command,
            "environment": program.environment | {SERVICE_MARK: program.name},
        }
        return write_private(self.folder / f"{program.name}.json", json.dumps(service, indent=1))

    def _own_socket_folder(self) -> None:
        folder = self.socket.parent
        if folder.stat().st_uid != os.geteuid():
            raise ServiceError(f"{folder} belongs to another user; remove it or set INSIGHTFLOW_HOME to a shorter path")
        folder.chmod(0o700)

    def _configuration(self, programs: list[Program]) -> str:
        sections: dict[str, dict[str, object]] = {
            "unix_http_server": {"file": self.socket, "chmod": "0700"},
            "rpcinterface:supervisor": {
                "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
            },
            "supervisord": {
                "logfile": self.log,
                "logfile_maxbytes": "5MB",
                "logfile_backups": 2,
                "pidfile": self.folder / "supervisord.pid",
                "childlogdir": self.logs,
                "directory": self.folder,
                **({"user": "root"} if os.geteuid() == 0 else {}),
            },
        }
        for program in programs:
            launch = [sys.executable, "-S", "-E", str(LAUNCHER), str(self.folder / f"{program.name}.json")]
            sections[f"program:{program.name}"] = {
                "command": shlex.join(launch),
                "directory": working_directory(self.settings, program.name),
                "autostart": "false",
                "autorestart": "true",
                "startsecs": 2,
                "startretries": 10,  # 1 s longer each time: given up after about a minute, then `doctor` says so
                "stopsignal": program.stop_signal,
                "stopwaitsecs": program.stop_seconds,
                "stopasgroup": "false" if program.name in ("postgres", "airflow-scheduler") else "true",
                "killasgroup": "true",
                "redirect_stderr": "true",
                "stdout_logfile": self.log_of(program.name),
                "stdout_logfile_maxbytes": "10MB",
                "stdout_logfile_backups": 3,
            }
        lines = []
        for section, values in sections.items():
            lines += [f"[{section}]", *(f"{k} = {str(v).replace('%', '%%')}" for k, v in values.items()), ""]
        return "\n".join(lines)


def write_private(path: Path, text: str) -> bool:
    """Write a file of mode 0600 at once; return whether its content changed."""
    if path.exists() and path.read_text() == text:
        return False
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)
    return True

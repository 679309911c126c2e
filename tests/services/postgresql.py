"""I/O: a real PostgreSQL server on a loopback port, its files in a folder that the server's user may enter."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg

from tests.services.ports import free_port
from tests.services.process import ServerProcess, end_without, find_programs, user_exists

_USER = "postgres"


class PostgreSQL:
    """A server without durability settings (tests kill programs, never the power) that makes fresh databases."""

    host = "127.0.0.1"

    def __init__(self) -> None:
        """Make an empty cluster; the server does not run yet."""
        initdb, postgres = find_programs("initdb", "postgres")
        if os.geteuid() == 0 and not user_exists(_USER):
            end_without(f"the user {_USER}, as which PostgreSQL runs when the tests run as root,")
        # not in pytest's folder: that is closed to other users when the tests run as root
        self.folder = Path(tempfile.mkdtemp(prefix="lifeline-postgres-"))
        self.port = free_port()
        if os.geteuid() == 0:
            shutil.chown(self.folder, _USER)
        self._n_databases = 0
        cluster = self.folder / "cluster"
        make = [initdb, "-D", cluster, "-U", _USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        user = _USER if os.geteuid() == 0 else None
        subprocess.run(make, user=user, cwd=self.folder, check=True, capture_output=True, timeout=120)
        options = {"port": self.port, "listen_addresses": self.host, "fsync": "off", "unix_socket_directories": ""}
        arguments = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        command = [postgres, "-D", cluster, *arguments]
        self.process = ServerProcess(command, [self.port], self.folder / "postgres.log", user=_USER)
        self.kill, self.log_tail = self.process.kill, self.process.log_tail

    def start(self) -> None:
        """Start the server and return once it takes queries."""
        self.process.start()
        self._execute("SELECT 1")

    def stop(self) -> None:
        """Stop the server without waiting for its clients."""
        self.process.kill()

    def pause(self) -> None:
        """Freeze the server with every connection (SIGSTOP): each has a process and a process group of its own."""
        for pid in self._family():
            os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused server run again (SIGCONT)."""
        for pid in self._family():
            os.kill(pid, signal.SIGCONT)

    def restart(self) -> None:
        """Stop and start again on the same port and files."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop the server and remove its files."""
        self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def fresh_url(self) -> str:
        """Return the SQLAlchemy URL of a new empty database."""
        self._n_databases += 1
        name = f"lifeline_{self._n_databases}"
        self._execute(f'CREATE DATABASE "{name}"')
        return f"postgresql+psycopg://{_USER}@{self.host}:{self.port}/{name}"

    def _family(self) -> list[int]:
        """Return the process ids of the server and its children."""
        main = self.process.pid
        children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        return [main, *map(int, children)]

    def _execute(self, statement: str) -> None:
        """Run one statement outside transactions."""
        address = f"host={self.host} port={self.port} user={_USER} dbname=postgres"
        for _ in range(100):
            try:
                with psycopg.connect(address, autocommit=True, connect_timeout=5) as connection:
                    connection.execute(statement.encode())
            except psycopg.OperationalError:
                # the port listens before the server has finished its start
                if not self.process.is_running():
                    raise
            else:
                return

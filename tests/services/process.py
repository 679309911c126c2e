"""I/O: one real server process: started, waited for, stopped, killed, paused, and never left behind."""

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

from tests.services.ports import accepts

_LOG_TAIL_CHARS = 4000


class ServerProcess:
    """A command that listens on loopback ports, with its output in a log file."""

    def __init__(
        self, command: Sequence[str | Path], ports: Sequence[int], log: Path, user: str = "", start_s: float = 30
    ) -> None:
        """Remember how to start `command`; it counts as started once all `ports` accept connections."""
        self.command = [str(word) for word in command]
        self.ports = list(ports)
        self.log = log
        self.user = user
        self.start_s = start_s
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        assert self._process is not None, "the server is not started"
        return self._process.pid

    def is_running(self) -> bool:
        """Tell whether the process lives (a paused one does)."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the server and return once it accepts connections on all its ports."""
        self.spawn()
        deadline = time.monotonic() + self.start_s
        while not all(accepts(port) for port in self.ports):
            if not self.is_running() or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"{self.command[0]} did not listen on {self.ports}:\n{self.log_tail()}")
            time.sleep(0.02)

    def spawn(self) -> None:
        """Start the server and wait for nothing."""
        assert not self.is_running(), "the server runs already"
        self._process = _spawner().submit(self._spawn).result()

    def stop(self, timeout_s: float = 20) -> int | None:
        """Ask the server to end (SIGTERM) and wait; kill it when it does not. Returns its exit code, if it gave one."""
        code = None
        if self._process is not None:
            self.resume()
            self._signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                code = self._process.wait(timeout_s)
        self.kill()
        return code

    def kill(self) -> None:
        """Kill the server and all its children at once (SIGKILL), as a power cut would."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._wait(20)
            self._process = None

    def restart(self) -> None:
        """Stop and start again on the same ports and files."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze the server (SIGSTOP): connections stay open, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused server run again (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def log_tail(self) -> str:
        """Return the end of the output of the server."""
        return self.log.read_text(errors="replace")[-_LOG_TAIL_CHARS:] if self.log.exists() else ""

    def _spawn(self) -> subprocess.Popen[bytes]:
        """Start the command as leader of its own process group."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*_guard(self.user), *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.log.parent,
            )

    def _signal(self, number: signal.Signals) -> None:
        """Send `number` to the whole process group, if it still exists."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def _wait(self, timeout_s: float) -> None:
        """Wait for the end of the process and forget it."""
        if self._process is not None:
            self._process.wait(timeout_s)


@cache
def _spawner() -> ThreadPoolExecutor:
    """Return the one thread that starts servers: the kernel kills them when the thread that started them ends."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


def _guard(user: str) -> list[str]:
    """Return the words before a command that make it die with the tests and run as `user`."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return []
    identity = ["--reuid", user, "--regid", user, "--init-groups"] if user and os.geteuid() == 0 else []
    return [setpriv, *identity, "--pdeathsig", "KILL", "--"]


def user_exists(name: str) -> bool:
    """Tell whether this machine has the user `name`."""
    return any(user.pw_name == name for user in pwd.getpwall())


def find_programs(*names: str) -> list[str]:
    """Return the paths of the programs `names`.

    Raises: what `end_without` raises when one is missing.
    """
    folders = [os.environ.get("PATH", ""), "/usr/sbin", *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")))]
    found = {name: shutil.which(name, path=os.pathsep.join(folders)) for name in names}
    missing = sorted(name for name, path in found.items() if path is None)
    if missing:
        end_without(", ".join(missing))
    return [path for path in found.values() if path is not None]


def end_without(program: str) -> NoReturn:
    """End the running test because `program` is missing: a failure on CI, a skip with the reason elsewhere."""
    reason = f"{program} is not installed; deploy/install-test-services.sh installs it on Debian"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)

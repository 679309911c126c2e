"""The script that types a command on a bare machine, where it may make no Debian: what it hides, gives and leaves."""

import os
import signal
import subprocess
import time

import pytest

from tests.services.process import find_programs
from tests.sources import ROOT

SCRIPT = ROOT / "deploy/bare-machine.sh"


@pytest.fixture
def environment(tmp_path):
    """Return an environment in which no namespace can be made, with a setting of pip and a secret."""
    find_programs("git")
    if not (ROOT / ".git").exists():
        pytest.skip("an unpacked archive cannot be cloned")
    refusing = tmp_path / "refusing"
    refusing.mkdir()
    (refusing / "unshare").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    (refusing / "unshare").chmod(0o755)
    (tmp_path / "work").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "SSL_", "REQUESTS_"))}
    own = {"PATH": f"{refusing}:{os.environ['PATH']}", "TMPDIR": str(tmp_path / "work")}
    return (
        {name: value for name, value in kept.items() if name != "CI"}
        | own
        | {
            "PIP_RETRIES": "7",
            "PIP_USER": "1",
            "SECRET": "x",
        }
    )


def _typed(environment, *command) -> subprocess.CompletedProcess[str]:
    """Return how a command ended that was typed there."""
    return subprocess.run([SCRIPT, *command], env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_machine_has_nothing_of_this_environment_but_the_way_to_its_indexes(environment, tmp_path):
    """Home and path are its own; of the settings only those pass by which pip finds its packages."""
    printed = _typed(environment, "env").stdout
    names = dict(line.split("=", 1) for line in printed.splitlines())

    assert {"PATH", "HOME", "PIP_RETRIES"} == set(names) - {"PWD", "OLDPWD", "_", "SHLVL"}
    assert names["HOME"].startswith(str(tmp_path / "work"))
    assert str(tmp_path / "refusing") not in names["PATH"]


def test_machine_has_a_clone_and_python_and_make_but_no_git(environment):
    """The command stands in a fresh clone; what the README does not ask for is not there."""
    command = (
        "ls Makefile && python3 -c 'import sys; print(sys.version_info >= (3, 11))' && make --version; command -v git"
    )
    result = _typed(environment, "sh", "-c", command)

    assert ["Makefile", "True"] == result.stdout.splitlines()[:2]
    assert "GNU Make" in result.stdout
    assert 0 != result.returncode


@pytest.mark.parametrize("status", [0, 3])
def test_machine_is_removed_and_its_command_speaks_last(environment, tmp_path, status):
    """The script ends as the command did, and leaves no file."""
    assert status == _typed(environment, "sh", "-c", f"touch left; exit {status}").returncode
    assert [] == list((tmp_path / "work").iterdir())


def test_machine_that_is_told_to_end_takes_its_command_along(environment, tmp_path):
    """A signal does not wait for the command."""
    with subprocess.Popen(
        [SCRIPT, "sh", "-c", "echo up; exec sleep 600"], env=environment, stdout=subprocess.PIPE
    ) as script:
        assert b"up\n" == script.stdout.readline()
        script.send_signal(signal.SIGTERM)
        begin = time.monotonic()
        assert 143 == script.wait(30)
        assert b"" == script.stdout.read()  # the command has let go of it

    assert time.monotonic() - begin < 30
    assert [] == list((tmp_path / "work").iterdir())

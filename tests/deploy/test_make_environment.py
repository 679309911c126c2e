"""The script that makes .venv, with the oldest pip, over an index that has newer releases than the locks."""

import subprocess

import pytest

from tests.deploy.locks import LOCKS, installed_pins
from tests.deploy.package_index import Checkout, make_environment


def _version_of_pip(python) -> tuple[int, ...]:
    command = [python, "-c", "import pip; print(pip.__version__)"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return tuple(map(int, printed.split(".")))


@pytest.mark.parametrize("lock", LOCKS)
def test_script_with_oldest_pip_installs_exactly_the_lock(tmp_path, lock):
    """Each lock is installed as it stands, whatever was released since."""
    checkout = Checkout(tmp_path / "checkout", lock)
    python = make_environment(checkout.environment, has_pip=True)
    result = checkout.make()

    assert _version_of_pip(python) < (24,)
    assert 0 == result.returncode, result.stderr
    assert installed_pins(lock) == checkout.installed()


def test_script_in_an_environment_without_pip_installs_exactly_the_lock(tmp_path):
    """The pip of the interpreter outside does the same."""
    checkout = Checkout(tmp_path / "checkout", "requirements/test.txt")
    make_environment(checkout.environment, has_pip=False)
    outside = make_environment(tmp_path / "outside", has_pip=True)
    result = checkout.make(outside)

    assert 0 == result.returncode, result.stderr
    assert installed_pins("requirements/test.txt") == checkout.installed()


def test_script_that_resolves_fails(tmp_path):
    """The tests above can fail: without `--no-deps` the oldest pip takes a release that the lock does not know."""
    checkout = Checkout(tmp_path / "checkout", "requirements/test.txt")
    make_environment(checkout.environment, has_pip=True)
    text = checkout.script.read_text(encoding="utf-8")
    checkout.script.write_text(text.replace(" --no-deps --require-hashes", " --require-hashes"), encoding="utf-8")
    result = checkout.make()

    assert 0 != result.returncode
    assert "all requirements must have their versions pinned" in result.stderr


def test_script_with_an_incomplete_lock_fails_and_names_what_is_missing(tmp_path):
    """What is installed without resolving is checked afterwards."""
    lock = "requirements/run.txt"
    checkout = Checkout(tmp_path / "checkout", lock, without=set(installed_pins(lock)) - {"fastapi", "hatchling"})
    make_environment(checkout.environment, has_pip=True)
    result = checkout.make()

    assert 0 != result.returncode
    assert "fastapi 0." in result.stdout
    assert "requires starlette, which is not installed" in result.stdout
    assert "rm -rf .venv" in result.stderr

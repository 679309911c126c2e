"""The wheel holds the program and every file that it reads."""

import subprocess
import sys
import zipfile

import pytest

from tests.sources import PACKAGES, ROOT, project_files


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory) -> set[str]:
    """Return the names of the files in the built wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_wheel_holds_every_file_of_the_packages(wheel_names):
    """Python files, CSV, YAML, JSON, templates and pictures: all are there."""
    expected = {path.as_posix() for path in project_files() if path.parts[0] in PACKAGES}

    assert set() == expected - wheel_names


def test_wheel_marks_every_package_as_typed(wheel_names):
    """Type checkers of other projects read the annotations of the installed packages."""
    assert set() == {f"{name}/py.typed" for name in PACKAGES} - wheel_names


def test_wheel_holds_nothing_beside_the_packages(wheel_names):
    """Tests, benchmarks and documents are not installed."""
    tops = {name.split("/")[0] for name in wheel_names}

    assert set(PACKAGES) == {top for top in tops if not top.endswith(".dist-info")}


def test_wheel_has_the_command_and_the_licence(wheel_names):
    """The command `lifeline` and the licence are installed."""
    inner = {name.split("/", 1)[1] for name in wheel_names if ".dist-info/" in name}

    assert {"entry_points.txt", "licenses/LICENSE"} <= inner

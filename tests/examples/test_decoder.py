"""The example of a decoder: the format, and the package that brings it."""

import doctest
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.dead_letter import DeadLetterReason
from collector.payload import PayloadError
from examples.decoder import hex_frame

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "decoder"


def test_examples_in_the_docstring_print_as_they_say():
    """A reader who types the example sees the same."""
    result = doctest.testmod(hex_frame)

    assert (0, True) == (result.failed, result.attempted > 0)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"07D0552C0", DeadLetterReason.TOO_LARGE),
        (b"07D0558", DeadLetterReason.SYNTAX),
        (b"07D0558G", DeadLetterReason.SYNTAX),
        (b"", DeadLetterReason.SYNTAX),
        (b"07D0552D", DeadLetterReason.SCHEMA),
    ],
)
def test_frame_that_is_wrong_is_rejected_with_a_reason(payload, reason):
    """The reason is the one under which the message is found among the dead letters."""
    with pytest.raises(PayloadError) as error:
        hex_frame.decode(payload, {}, 10)

    assert reason is error.value.reason


@given(st.binary(max_size=12))
def test_decode_of_any_bytes_gives_a_frame_or_a_payload_error(payload):
    """Nothing else is raised, and a frame that is read is written as it was."""
    try:
        columns = hex_frame.decode(payload, {}, 10)
    except PayloadError:
        return

    assert payload.upper() == hex_frame.encode(columns)


def _check(folder: Path) -> subprocess.CompletedProcess[str]:
    """Return the outcome of `lifeline check` with the settings of the example and the packages in `folder`."""
    command = [str(Path(sys.executable).with_name("lifeline")), "check", "--config", str(FOLDER / "lifeline.yaml")]
    environ = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=120)


def test_package_that_is_installed_is_found_by_its_entry_point(tmp_path):
    """The package is built as a user would build it; the settings name its decoder."""
    shutil.copytree(FOLDER, tmp_path / "source")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=tmp_path / "source", check=True, capture_output=True, timeout=120)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    installed = _check(tmp_path / "installed")

    assert 0 == installed.returncode, installed.stdout + installed.stderr


def test_package_that_is_not_installed_is_a_problem_of_the_settings(tmp_path):
    """Without the package the name of the decoder is unknown, and the message says so."""
    missing = _check(tmp_path)

    assert 1 == missing.returncode
    assert "hex_frame" in missing.stdout + missing.stderr

from pathlib import Path

import pytest
from pydantic import SecretStr

from config.errors import ConfigError
from config.secrets import _create, console_secret
from config.settings import ConsoleSettings, Settings


def test_console_secret_configured_one_is_used_and_nothing_is_written(tmp_path: Path) -> None:
    """With a secret in the settings no file is made."""
    settings = Settings(data_dir=tmp_path / "new", console=ConsoleSettings(secret=SecretStr("0123456789abcdef")))

    assert b"0123456789abcdef" == console_secret(settings)
    assert not (tmp_path / "new").exists()


def test_console_secret_made_once_stays_and_is_for_its_owner_only(tmp_path: Path) -> None:
    """The first start makes a secret that the next ones find, readable by no one else."""
    settings = Settings(data_dir=tmp_path / "new")

    first = console_secret(settings)

    assert first == console_secret(settings)
    assert 64 == len(first)
    assert 0o600 == (tmp_path / "new" / "secret").stat().st_mode & 0o777
    assert ["secret"] == [path.name for path in (tmp_path / "new").iterdir()]


def test_console_secret_of_another_folder_differs(tmp_path: Path) -> None:
    """Secrets are random."""
    assert console_secret(Settings(data_dir=tmp_path / "a")) != console_secret(Settings(data_dir=tmp_path / "b"))


def test_console_secret_short_file_is_refused(tmp_path: Path) -> None:
    """A file that was cut or emptied is not taken for a secret."""
    (tmp_path / "secret").write_text("\n", encoding="ascii")

    with pytest.raises(ConfigError, match="expected at least 16 characters, got 0; delete the file"):
        console_secret(Settings(data_dir=tmp_path))


def test_console_secret_folder_that_cannot_be_written_is_a_config_error(tmp_path: Path) -> None:
    """The error says where a secret can be put instead."""
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError, match=r"expected a writable folder, got .*; set console\.secret_file"):
        console_secret(Settings(data_dir=tmp_path / "file" / "below"))


def test_console_secret_made_by_another_program_meanwhile_is_kept(tmp_path: Path) -> None:
    """Of two programs that start at once the second one takes over what the first one made."""
    first = console_secret(Settings(data_dir=tmp_path))

    _create(tmp_path / "secret")

    assert first == console_secret(Settings(data_dir=tmp_path))
    assert ["secret"] == [path.name for path in tmp_path.iterdir()]

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.files import read_text, read_yaml


def test_read_text_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    """A file saved by a spreadsheet as CSV UTF-8 begins with its first letter."""
    path = tmp_path / "a.csv"
    path.write_bytes("id\n桥\n".encode("utf-8-sig"))

    assert "id\n桥\n" == read_text(path)


@pytest.mark.parametrize(
    ("content", "max_bytes", "message"),
    [
        (None, 9, "{path}:0 (file): expected a readable file, got No such file or directory; "),
        (b"id\nk\n\xb3\xce\n", 9, "{path}:3 (file): expected UTF-8, got the byte 0xb3; save the file as UTF-8"),
        (b"0123456789", 9, "{path}:0 (file): expected at most 9 bytes, got more; split the file"),
    ],
)
def test_read_text_unusable_file_is_a_config_error(
    tmp_path: Path, content: bytes | None, max_bytes: int, message: str
) -> None:
    """A missing, wrongly encoded or huge file says what is wrong and where."""
    path = tmp_path / "a.csv"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        read_text(path, max_bytes)

    assert str(caught.value).startswith(message.format(path=path))


def test_read_text_folder_is_a_config_error(tmp_path: Path) -> None:
    """A folder in the place of a file is refused like a missing file."""
    with pytest.raises(ConfigError, match="expected a readable file, got Is a directory"):
        read_text(tmp_path)


def test_read_yaml_document_names_its_file(tmp_path: Path) -> None:
    """The document of a file carries the file's name for later problems."""
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\n", encoding="utf-8")

    assert (str(path), {"a": 1}) == (read_yaml(path).file, read_yaml(path).value)

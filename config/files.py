"""I/O: configuration files as text and documents.

Input: a path.
Output: text, `Document`.
Not responsible for: the content of the files.
Rejects: files that are missing, too large or not UTF-8, each as a `ConfigError`.
"""

from pathlib import Path

from config.document import Document, parse_yaml
from config.errors import ConfigError, Problem

MAX_BYTES = 64 * 1024 * 1024
"""Largest configuration file; assumed: 120,000 duties are 4 MB of CSV."""
MAX_YAML_BYTES = 4 * 1024 * 1024
"""Largest YAML file; assumed: 20,000 rules. The slower parser needs about 5 s for 1 MB."""


def read_text(path: Path, max_bytes: int = MAX_BYTES) -> str:
    """Return the UTF-8 text of the file at `path`, without a byte order mark.

    Raises:
        ConfigError: it cannot be read, is larger than `max_bytes`, or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        got = error.strerror or type(error).__name__
        raise _refused(path, 0, "a readable file", got, "create it, correct the path or its permissions") from error
    if len(content) > max_bytes:
        raise _refused(path, 0, f"at most {max_bytes} bytes", "more", "split the file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        got = f"the byte 0x{content[error.start]:02x}"
        raise _refused(path, line, "UTF-8", got, "save the file as UTF-8 (in a spreadsheet: CSV UTF-8)") from error


def read_yaml(path: Path) -> Document:
    """Return the YAML document at `path` with the line of everything in it.

    Raises:
        ConfigError: it cannot be read, or `config.document.parse_yaml` refuses it.
    """
    return parse_yaml(read_text(path, MAX_YAML_BYTES), str(path))


def _refused(path: Path, line: int, expected: str, got: str, remedy: str) -> ConfigError:
    return ConfigError([Problem(str(path), line, "(file)", expected, got, remedy)])

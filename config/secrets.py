"""I/O: the secret that signs links, made once and kept in the data folder.

Input: `Settings`.
Output: bytes.
Not responsible for: printing the secret, and the signed links.
Rejects: a secret file that cannot be read or is too short.
"""

import os
import secrets
import tempfile
from pathlib import Path

from config.errors import ConfigError, Problem
from config.files import read_text
from config.settings import MIN_SECRET_CHARACTERS, Settings


def console_secret(settings: Settings) -> bytes:
    """Return the configured secret, else the one in `data_dir`/secret, which is made when it does not exist.

    Raises:
        ConfigError: the file cannot be read or written, or holds too little.
    """
    if settings.console.secret is not None:
        return settings.console.secret.get_secret_value().encode()
    path = settings.data_dir / "secret"
    if not path.exists():
        try:
            _create(path)
        except OSError as error:
            remedy = "set console.secret_file, or let the program write here"
            raise _refused(path, "a writable folder", error.strerror or type(error).__name__, remedy) from error
    secret = read_text(path).strip()
    if len(secret) < MIN_SECRET_CHARACTERS:
        remedy = "delete the file: a new secret is made, and links in older messages stop working"
        raise _refused(path, f"at least {MIN_SECRET_CHARACTERS} characters", f"{len(secret)}", remedy)
    return secret.encode()


def _create(path: Path) -> None:
    """Write a new secret so that a crash leaves none or a whole one, and two programs at once agree on one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".secret-")
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        # A hard link, unlike a rename, never replaces the secret that another program has just made.
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        Path(temporary).unlink()


def _refused(path: Path, expected: str, got: str, remedy: str) -> ConfigError:
    return ConfigError([Problem(str(path), 0, "(file)", expected, got, remedy)])

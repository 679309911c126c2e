"""I/O: a real Mosquitto broker on a loopback port, with its persistent store in a folder of the test."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.services.certificates import Certificates
from tests.services.ports import free_port
from tests.services.process import ServerProcess, find_programs


@dataclass(frozen=True, slots=True, kw_only=True)
class MosquittoOptions:
    """How a broker is configured."""

    save_each_change: bool = False
    """Write the store at every change (slow, smallest loss on a kill) instead of once a second."""
    passwords: tuple[tuple[str, str], ...] = ()
    """(user name, password) pairs; anonymous clients are refused when there is one."""
    certificates: Certificates | None = None
    """Listen with TLS."""
    client_certificate: bool = False
    """Ask every client for a certificate of the same authority; its common name is the user name."""
    max_queued_messages: int = 10_000_000
    extra: str = ""
    """Further lines of mosquitto.conf."""


class Mosquitto:
    """A Mosquitto broker; its port and store stay the same over restarts."""

    host = "127.0.0.1"

    def __init__(self, folder: Path, options: MosquittoOptions | None = None) -> None:
        """Write the configuration into `folder`; nothing runs yet."""
        folder.mkdir(parents=True, exist_ok=True)
        [program, *_] = find_programs("mosquitto")
        self.port = free_port()
        self.options = options or MosquittoOptions()
        self.config = folder / "mosquitto.conf"
        self.config.write_text(_configuration(folder, self.port, self.options))
        self.process = ServerProcess([program, "-c", self.config], [self.port], folder / "mosquitto.log")
        self.start, self.stop, self.kill = self.process.start, self.process.stop, self.process.kill
        self.restart, self.pause, self.resume = self.process.restart, self.process.pause, self.process.resume
        self.log_tail = self.process.log_tail

    @property
    def url(self) -> str:
        """Address of the broker, e.g. mqtt://127.0.0.1:1883."""
        return f"{'mqtts' if self.options.certificates else 'mqtt'}://{self.host}:{self.port}"


def _configuration(folder: Path, port: int, options: MosquittoOptions) -> str:
    """Return the text of mosquitto.conf."""
    lines = [
        f"listener {port} 127.0.0.1",
        f"allow_anonymous {_word(not options.passwords)}",
        "persistence true",
        f"persistence_location {folder}/",
        "autosave_interval 1",
        f"autosave_on_changes {_word(options.save_each_change)}",
        f"max_queued_messages {options.max_queued_messages}",
        "max_queued_bytes 0",
        "max_inflight_messages 1000",
        "log_dest stderr",
        "connection_messages true",
    ]
    if os.geteuid() == 0:
        # else it becomes the user mosquitto, who may not write into the folder of the test
        lines.append("user root")
    if options.passwords:
        lines.append(f"password_file {_password_file(folder, options.passwords)}")
    if options.certificates:
        lines += _tls(options.certificates, options.client_certificate)
    return "\n".join([*lines, options.extra, ""])


def _tls(certificates: Certificates, client_certificate: bool) -> list[str]:  # noqa: FBT001
    """Return the lines of a TLS listener."""
    return [
        f"cafile {certificates.ca_file}",
        f"certfile {certificates.server_cert}",
        f"keyfile {certificates.server_key}",
        f"require_certificate {_word(client_certificate)}",
        f"use_identity_as_username {_word(client_certificate)}",
    ]


def _password_file(folder: Path, passwords: tuple[tuple[str, str], ...]) -> Path:
    """Return the path of a hashed password file."""
    [program] = find_programs("mosquitto_passwd")
    path = folder / "passwords"
    path.touch(mode=0o600)
    for user, password in passwords:
        subprocess.run([program, "-b", path, user, password], check=True, capture_output=True, timeout=30)
    return path


def _word(value: bool) -> str:  # noqa: FBT001
    """Return true or false as mosquitto.conf spells it."""
    return str(value).lower()

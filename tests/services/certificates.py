"""I/O: a certificate authority made for one test, with a server and a client certificate."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.services.process import find_programs


@dataclass(frozen=True, slots=True)
class Certificates:
    """Paths of the PEM files of one throw-away authority."""

    ca_file: Path
    server_cert: Path
    server_key: Path
    client_cert: Path
    client_key: Path


def make_certificates(folder: Path, client_name: str = "lifeline") -> Certificates:
    """Return fresh certificates in `folder`: the server's for loopback, the client's for `client_name`."""
    folder.mkdir(parents=True, exist_ok=True)
    [openssl] = find_programs("openssl")
    _run(openssl, folder, "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -keyout ca.key -out ca.pem")
    _sign(openssl, folder, "server", "localhost", "subjectAltName=IP:127.0.0.1,DNS:localhost")
    _sign(openssl, folder, "client", client_name, "extendedKeyUsage=clientAuth")
    return Certificates(
        ca_file=folder / "ca.pem",
        server_cert=folder / "server.pem",
        server_key=folder / "server.key",
        client_cert=folder / "client.pem",
        client_key=folder / "client.key",
    )


def _sign(openssl: str, folder: Path, name: str, subject: str, extension: str) -> None:
    """Write `name`.key and `name`.pem for `subject`, signed by the authority of `folder`."""
    (folder / f"{name}.ext").write_text(extension)
    _run(openssl, folder, f"req -newkey rsa:2048 -nodes -subj /CN={subject} -keyout {name}.key -out {name}.csr")
    signing = "-CA ca.pem -CAkey ca.key -CAcreateserial -days 2"
    _run(openssl, folder, f"x509 -req -in {name}.csr {signing} -extfile {name}.ext -out {name}.pem")


def _run(openssl: str, folder: Path, arguments: str) -> None:
    """Run one openssl command in `folder`."""
    subprocess.run([openssl, *arguments.split()], cwd=folder, check=True, capture_output=True, timeout=60)

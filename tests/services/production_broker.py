"""I/O: a real Mosquitto with the files of `deploy/mosquitto`; only paths, ports and owner are this machine's."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.services.certificates import Certificates, make_certificates
from tests.services.ports import free_port
from tests.services.process import ServerProcess, find_programs
from tests.sources import ROOT

FOLDER = ROOT / "deploy" / "mosquitto"
PASSWORD = "device-secret"


class ProductionBroker:
    """The broker of production. `certificates` hold the collector's certificate as the client's."""

    host = "127.0.0.1"

    def __init__(self, folder: Path, *devices: str) -> None:
        """Write its files into `folder`; each of `devices` is a user with `PASSWORD`. Nothing runs yet."""
        [program, passwd] = find_programs("mosquitto", "mosquitto_passwd")
        etc, var = folder / "etc", folder / "var"
        for each in (etc, var):
            each.mkdir(parents=True)
        self.certificates: Certificates = make_certificates(etc, client_name="lifeline")
        shutil.copy(FOLDER / "acl", etc / "acl")
        (etc / "passwords").touch(mode=0o600)
        for device in devices:
            subprocess.run([passwd, "-b", etc / "passwords", device, PASSWORD], check=True, capture_output=True)
        text = (FOLDER / "mosquitto.conf").read_text(encoding="utf-8")
        for old, new in {"/etc/mosquitto/lifeline": etc, "/var/lib/mosquitto": var}.items():
            text = text.replace(old, str(new))
        self.collector_port, self.certificate_port, self.password_port = ports = free_port(), free_port(), free_port()
        for old, port in zip((8882, 8883, 8884), ports, strict=True):
            text = text.replace(f"listener {old}\n", f"listener {port} 127.0.0.1\n")
        user = "user root\n" if os.geteuid() == 0 else ""
        (etc / "mosquitto.conf").write_text(user + text, encoding="utf-8")
        self.process = ServerProcess([program, "-c", etc / "mosquitto.conf"], list(ports), folder / "log")
        self.start, self.stop, self.log_tail = self.process.start, self.process.stop, self.process.log_tail

"""I/O: a checkout with the project's script and locks, over an index of tiny wheels that has newer releases of all."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections import defaultdict
from collections.abc import Collection, Iterable
from importlib.metadata import distributions
from pathlib import Path

from packaging.utils import canonicalize_name

from tests.deploy.locks import LOCKS, Pin, every_lock, pins
from tests.sources import ROOT

OLDEST_PIP = ROOT / ".venv/oldest_pip"
NEWER = "99999"
_WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_BACKEND = '''
"""Stands for hatchling: the wheel that it builds lies beside it."""

import pathlib
import shutil


def build_editable(folder, settings=None, metadata=None):
    """Return the name of the wheel, put into `folder`."""
    [wheel] = pathlib.Path(__file__).parent.glob("*.whl")
    shutil.copy(wheel, folder)
    return wheel.name
'''


class Checkout:
    """A folder in which the script of deploy/ makes an environment of one lock without any network."""

    def __init__(self, folder: Path, lock: str, without: Collection[str] = ()) -> None:
        """Write the script, the index, and the lock with the locks beside it; names in `without` are left out of it."""
        self.folder, self.lock = folder, lock
        self.environment = folder / ".venv"
        self.script = folder / "deploy/make-environment.sh"
        self._index = folder / "index"
        for name in ("deploy", "requirements", "index"):
            (folder / name).mkdir(parents=True)
        shutil.copy(ROOT / "deploy/make-environment.sh", self.script)
        shutil.copy(ROOT / "pyproject.toml", folder)
        for name in (lock, *sorted(set(every_lock()) - set(LOCKS))):
            self._write_lock(name, without)

    def make(self, python: Path | str = sys.executable) -> subprocess.CompletedProcess[str]:
        """Return how the script ended that found the interpreter `python`."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        alone = {"PIP_INDEX_URL": self._index.as_uri(), "PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1"}
        command = [self.script, self.lock]
        environment = kept | alone | {"PYTHON3": str(python)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    def installed(self) -> dict[str, str]:
        """Return the version of each distribution in the environment, but for the project and pip."""
        found = distributions(path=list(map(str, self.environment.glob("lib/*/site-packages"))))
        versions = {canonicalize_name(each.name): each.version for each in found}
        return {name: version for name, version in versions.items() if name not in {"lifeline", "pip"}}

    def _write_lock(self, lock: str, without: Collection[str]) -> None:
        """Write `lock` with the hashes of wheels that are put into the index, and a newer release of each."""
        requirements = _requirements(pins(lock))
        backend = make_wheel(self.folder, "lifeline", "0.1.0", requirements["lifeline"])
        lines = []
        for pin in pins(lock):
            page = self._index / pin.name
            page.mkdir(exist_ok=True)
            wheel = make_wheel(page, pin.name, pin.version, requirements[pin.name], backend)
            make_wheel(page, pin.name, NEWER, (), backend)
            marker = f" ; {pin.marker}" if pin.marker else ""
            digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
            lines.append(f"{pin.name}=={pin.version}{marker} --hash=sha256:{digest}\n")
        for page in self._index.iterdir():
            links = "".join(f"<a href={each.name}>{each.name}</a>\n" for each in sorted(page.glob("*.whl")))
            (page / "index.html").write_text(f"<!DOCTYPE html>\n{links}", encoding="utf-8")
        kept = (line for line in lines if line.partition("==")[0] not in without)
        (self.folder / lock).write_text("".join(kept), encoding="utf-8")


def _requirements(of: Iterable[Pin]) -> dict[str, list[str]]:
    """Return what each distribution asks for: all that the lock says it does, and an extra of each."""
    asked = defaultdict(list)
    for pin in of:
        for name in pin.asked_by:
            asked[name].append(f"{pin.name}[all]" + (f" ; {pin.marker}" if pin.marker else ""))
    return asked


def make_wheel(folder: Path, name: str, version: str, requirements: Iterable[str], inside: Path | None = None) -> Path:
    """Return a wheel of metadata alone; hatchling's also holds a backend that builds the wheel `inside`."""
    stem = f"{name.replace('-', '_')}-{version}"
    lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nProvides-Extra: all"]
    lines += [f"Requires-Dist: {requirement}" for requirement in requirements]
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{stem}.dist-info/METADATA", "\n".join(lines) + "\n")
        archive.writestr(f"{stem}.dist-info/WHEEL", _WHEEL)
        archive.writestr(f"{stem}.dist-info/RECORD", "")
        if name == "hatchling" and inside:
            archive.writestr("hatchling/__init__.py", "")
            archive.writestr("hatchling/build.py", _BACKEND)
            archive.write(inside, f"hatchling/{inside.name}")
    return path


def make_environment(folder: Path, *, has_pip: bool) -> Path:
    """Return the interpreter of a new environment with the oldest pip that the project supports, or with none."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=60)
    if has_pip:
        [packages] = folder.glob("lib/*/site-packages")
        (packages / "oldest_pip.pth").write_text(f"{OLDEST_PIP}\n", encoding="utf-8")
    return folder / "bin/python"

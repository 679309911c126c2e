"""The lock files of requirements/: every pin with its version, its marker and who asks for it."""

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker
from packaging.utils import canonicalize_name

from tests.sources import ROOT

LOCKS = ("requirements/run.txt", "requirements/test.txt", "requirements/bench.txt")
_PIN = re.compile(r"(?P<name>[\w.-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>[^\\\n]+?))?(?: \\)?$", re.MULTILINE)
_ASKING = re.compile(r"^ +#(?: via)?(?: +(?P<name>\w[\w.-]*)(?: \(pyproject\.toml\))?)?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pin:
    """One release of a lock."""

    name: str
    version: str
    marker: str
    """Where the release is meant for; empty when everywhere."""
    asked_by: tuple[str, ...]
    """Names of the distributions that need it, the project's own among them."""

    @property
    def is_for_here(self) -> bool:
        """Tell whether pip installs it into this Python."""
        return not self.marker or Marker(self.marker).evaluate()


def pins(lock: str) -> list[Pin]:
    """Return the pins of `lock`, in its order."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    found = list(_PIN.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    return [_pin(match, text[match.end() : end]) for match, end in zip(found, ends, strict=True)]


def _pin(match: re.Match[str], below: str) -> Pin:
    asked_by = tuple(canonicalize_name(each["name"]) for each in _ASKING.finditer(below) if each["name"])
    return Pin(canonicalize_name(match["name"]), match["version"], match["marker"] or "", asked_by)


def installed_pins(lock: str) -> dict[str, str]:
    """Return the version of each name that `lock` installs into this Python."""
    return {pin.name: pin.version for pin in pins(lock) if pin.is_for_here}


def every_lock() -> list[str]:
    """Return all lock files, those of the folders beside the environment among them."""
    return sorted(str(path.relative_to(ROOT)) for path in Path(ROOT / "requirements").glob("*.txt"))

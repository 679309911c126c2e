"""The lock files hold all that their distributions ask for, by the metadata of what is installed here."""

from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.locks import LOCKS, installed_pins, pins
from tests.sources import ROOT, pyproject

EXTRAS = {
    "requirements/run.txt": "build",
    "requirements/test.txt": "build,test",
    "requirements/bench.txt": "build,bench",
}
"""What is asked of the project itself; every lock can build it."""


def _known(*folders: Path) -> dict[str, Distribution]:
    """Return the distributions of this environment, or of `folders`, by name."""
    found = distributions(path=list(map(str, folders))) if folders else distributions()
    return {canonicalize_name(each.name): each for each in found}


def _asked(
    first: Requirement, known: dict[str, Distribution], locked: dict[str, str]
) -> Iterator[tuple[str, Requirement]]:
    """Yield (who asks, what for) of everything below `first`; a release that is not installed here asks for nothing."""
    waiting, seen = [first], set()
    while waiting:
        parent = waiting.pop()
        name = canonicalize_name(parent.name)
        if (name, frozenset(parent.extras)) in seen:
            continue
        seen.add((name, frozenset(parent.extras)))
        distribution = known.get(name)
        if distribution and distribution.version == locked.get(name, distribution.version):
            for child in map(Requirement, distribution.requires or ()):
                if child.marker is None or any(child.marker.evaluate({"extra": each}) for each in ("", *parent.extras)):
                    waiting.append(child)
                    yield name, child


def _unmet(asked: Iterator[tuple[str, Requirement]], locked: dict[str, str]) -> list[str]:
    """Return each requirement that the lock has no release for, or one that does not do."""
    versions = ((who, what, locked.get(canonicalize_name(what.name))) for who, what in asked)
    return sorted(
        {f"{who} asks for {what}, locked: {has}" for who, what, has in versions if not has or has not in what.specifier}
    )


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_holds_all_that_its_distributions_ask_for(lock):
    """Nothing has to be resolved: each requirement of each release is pinned, in a version that it allows."""
    locked = installed_pins(lock)
    asked = list(_asked(Requirement(f"lifeline[{EXTRAS[lock]}]"), _known(), locked))

    assert [] == _unmet(asked, locked)
    assert len(asked) > len(pyproject()["project"]["dependencies"])


def test_lock_of_the_edge_node_holds_all_that_it_asks_for():
    """The same for the folder beside the environment."""
    locked = installed_pins("requirements/sparkplug-edge.txt")
    known = _known(ROOT / ".venv/sparkplug_edge")

    assert locked == {name: each.version for name, each in known.items()}
    assert [] == _unmet(_asked(Requirement("pysparkplug"), known, locked), locked)


def test_lock_that_misses_a_requirement_of_an_extra_is_found():
    """The test above can fail: psycopg asks for its binary only by an extra."""
    locked = installed_pins("requirements/run.txt")
    version = locked.pop("psycopg-binary")
    unmet = _unmet(_asked(Requirement("lifeline"), _known(), locked), locked)

    assert 1 == len(unmet)
    assert unmet[0].startswith(f"psycopg asks for psycopg-binary=={version}")


def test_locks_agree_on_every_version():
    """The environment of the tests can also hold those of the program and of the benchmarks."""
    versions: dict[tuple[str, str], set[str]] = {}
    for lock in LOCKS:
        for pin in pins(lock):
            versions.setdefault((pin.name, pin.marker), set()).add(pin.version)

    assert {} == {pin: found for pin, found in versions.items() if len(found) > 1}

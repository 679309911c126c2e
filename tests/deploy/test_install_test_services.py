"""The table of deploy/install-test-services.sh holds every program outside that anything of the project starts."""

import re
from functools import cache

import pytest

from tests.deploy.programs import PYTHON, Starts, UnknownProgramError, started
from tests.deploy.shell import programs, recipes
from tests.lifeline.test_rule_authors_guide import BLOCK, GUIDE, steps
from tests.services.process import find_programs
from tests.sources import ROOT, project_files, pyproject

SCRIPTS = sorted(path for path in project_files() if path.suffix == ".sh" or path.parts[0] == ".ci")
ESSENTIAL = {
    "bash": "bash",
    "coreutils": "[ cat chmod chroot cp dirname env expand id ln mkdir mktemp rm sort tee touch tr",
    "dash": "sh",
    "grep": "grep",
    "sed": "sed",
    "tar": "tar",
    "util-linux": "setpriv unshare",
}
"""Every Debian has these packages: they are marked essential, and dpkg does not remove them."""
PROMISED = frozenset({PYTHON, "make"})
"""What the README asks of a machine."""
PACKAGE_MANAGER = frozenset({"apt-get", "apt-config", "sudo", "mmdebstrap"})
"""What installs the rest. The scripts look for it first and say what they leave out where it is missing."""
IMAGINARY = frozenset({"no-such-server"})


def _table() -> dict[str, str]:
    """Return program to Debian package of the script."""
    text = (ROOT / "deploy/install-test-services.sh").read_text(encoding="utf-8")
    rows = re.search(r'^needed="\n(.*?)\n"$', text, re.DOTALL | re.MULTILINE)[1].splitlines()
    return dict(row.split() for row in rows)


@cache
def _started() -> dict[str, set[str]]:
    """Return the files that start each program outside."""
    found: dict[str, set[str]] = {}
    derived = {str(path): started(path) for path in project_files() if path.suffix == ".py"}
    derived |= {str(path): programs((ROOT / path).read_text(encoding="utf-8")) for path in SCRIPTS}
    derived["Makefile"] = programs(recipes((ROOT / "Makefile").read_text(encoding="utf-8")))
    typed = [
        command for language, _, body in BLOCK.findall(GUIDE) if language == "console" for command, _ in steps(body)
    ]
    derived["docs/rule-authors-guide.md"] = programs("\n".join(typed))
    for place, names in derived.items():
        for name in names:
            found.setdefault(name, set()).add(place)
    own = {path.name for path in SCRIPTS} | set(pyproject()["project"]["scripts"])
    return {name: places for name, places in found.items() if name not in own | PROMISED | PACKAGE_MANAGER | IMAGINARY}


def _without_package(table: dict[str, str]) -> dict[str, set[str]]:
    """Return the programs that no essential package and no row of `table` brings, and who starts them."""
    known = set(table).union(*(names.split() for names in ESSENTIAL.values()))
    return {name: places for name, places in _started().items() if name not in known}


def test_table_holds_every_program_that_is_started():
    """Nothing is called that a bare Debian lacks and the script does not install."""
    assert {} == _without_package(_table())


def test_table_that_misses_a_program_is_found():
    """The test above can fail: a program of one line of one test, one of a service, one of the gates."""
    kept = {name: package for name, package in _table().items() if name not in {"mosquitto_pub", "smsbox", "git"}}

    assert {"mosquitto_pub", "smsbox", "git"} == set(_without_package(kept))


def test_table_holds_nothing_that_is_not_started():
    """Nobody installs a package for nothing."""
    assert set() == set(_table()) - set(_started())


def test_essential_programs_are_started_all():
    """The list of exceptions stays as short as it can be."""
    assert set() == {name for names in ESSENTIAL.values() for name in names.split()} - set(_started()) - {"["}


def test_table_brings_every_program():
    """Each package has the program of its row: on CI all are here once the script has run."""
    assert len(_table()) == len(find_programs(*_table()))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a; b && c | d || e &", "abcde"),
        ("if ! a; then b; else c; fi # d\n! e", "abce"),
        ('x=$(a "$(b)") c "$(d; e)"', "abcde"),
        ("f() {\n    a\n}\nf; $root b; env -i X=1 c; exec d", "abcd"),
        ("for x in y z; do a; done; command -v y; '$(y)' ; echo y", "a"),
        ("unshare --fork sh -euc 'a; b' y", "ab"),
    ],
)
def test_programs_of_shell_text_are_found(text, expected):
    """Lists, substitutions, functions, loops and inner shells give up what they start."""
    assert set(expected) == programs(text) - {"env", "sh", "unshare"}


def test_command_that_cannot_be_derived_is_an_error(tmp_path):
    """Nothing is guessed: who writes such a call hears it."""
    path = tmp_path / "x.py"
    path.write_text("import subprocess\n\n\ndef run(name):\n    subprocess.run([name])\n", encoding="utf-8")

    with pytest.raises(UnknownProgramError, match=r"x\.py:5: name"):
        Starts(path).programs()

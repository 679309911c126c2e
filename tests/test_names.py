"""A name of a module, a class or a public function stands for one thing in the whole program."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.sources import PACKAGES, python_files, tree

PLUG_INS = (
    "collector/decoders/",
    "collector/checks/",
    "rules/kinds/",
    "alerts/channels/",
    "simulators/",
    "lifeline/commands/",
    "alerts/store/migrations/",
)
"""Plug-ins of a folder share their verbs and the name of their options. Commands and signals have user names."""

ROLES: Mapping[str, str] = {
    "check": "the command `lifeline check`, and the protocol of the checks of readings",
    "climatology": "usual ranges by month and hour: their file, and the check that reads them",
    "connection": "the MQTT connection: of the intake, and of the simulated devices",
    "errors": "the errors that one stage raises",
    "flat": "a value that stands still: the check that flags it, and the rule kind that raises an alarm",
    "loading": "opens the files that a folder reads at the start",
    "noise": "noise of sensors: learned by rules, made by simulators",
    "opening": "opens the adapter that the settings choose",
    "quarantine": "devices that the register does not know: found in messages, listed by a command",
    "schema": "the tables of one database, or the JSON Schema of one file",
    "sms": "text messages: the channel that sends them, and the gateway that keeps them",
    "sqlite": "the SQLite adapter of a protocol of its folder",
    "state": "the rule kind `state`, and the state of an alarm",
}
"""Module names that occur in several rooms, because they play one role there."""


def _places(kind: str, names: Iterator[tuple[str, Path]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name, path in names:
        found[f"{kind} {name}"].append(str(path))
    return {name: sorted(places) for name, places in found.items() if len(places) > 1}


def _definitions(kind: type[ast.stmt]) -> Iterator[tuple[str, Path]]:
    for path in python_files(*PACKAGES):
        for node in tree(path).body:
            is_public = isinstance(node, kind) and not node.name.startswith("_")
            if is_public and not path.as_posix().startswith(PLUG_INS):
                yield node.name, path


def test_modules_have_names_of_their_own():
    """A module name occurs once, or plays the same role in each of its rooms."""
    names = ((path.stem, path) for path in python_files(*PACKAGES) if path.stem != "__init__")
    twice = _places("module", names)

    assert {} == {name: places for name, places in twice.items() if name.removeprefix("module ") not in ROLES}


def test_roles_of_modules_are_all_needed():
    """A role that only one module plays is no longer in the list."""
    names = [path.stem for path in python_files(*PACKAGES)]

    assert [] == [role for role in ROLES if names.count(role) < 2]


def test_classes_have_names_of_their_own():
    """A class name occurs once outside the plug-ins."""
    assert {} == _places("class", _definitions(ast.ClassDef))


def test_public_functions_have_names_of_their_own():
    """The name of a public function occurs once outside the plug-ins."""
    assert {} == _places("function", _definitions(ast.FunctionDef))

"""Imports go one way only: layers, independent plug-ins, a core free of I/O, wiring in one folder."""

import ast
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from alerts.channels import CHANNELS
from tests.sources import PACKAGES, ROOT, is_pure, module_name, pyproject, python_files, tree

CLIENTS = "paho influxdb_client sqlite3 sqlalchemy psycopg httpx prometheus_client"
SYSTEM = "threading socket asyncio subprocess selectors multiprocessing"
OUTSIDE = frozenset(f"{CLIENTS} {SYSTEM}".split())
"""What only modules marked "I/O:" may reach, even through others."""

FOR_EVERYBODY = frozenset({"config.files"})
"""The one reader of configuration files: each folder loads its own."""


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Return who imports whom, with the libraries outside as leaves."""
    return grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)


def _modules(*, pure: bool) -> dict[str, Path]:
    """Return the modules of the program that are pure, or those marked as shell."""
    return {module_name(path): path for path in python_files(*PACKAGES) if is_pure(path) == pure}


def test_import_linter_on_the_project_keeps_every_contract():
    """The contracts of pyproject.toml hold."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()", "--no-cache"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert 0 == result.returncode, result.stdout + result.stderr


def test_contracts_of_the_project_name_every_plug_in():
    """Each decoder, quality check, rule kind and channel is a module of an independence contract."""
    contracts = pyproject()["tool"]["importlinter"]["contracts"]
    independent = {name for contract in contracts if contract["type"] == "independence" for name in contract["modules"]}
    channels = {f"alerts.channels.{name}" for name in CHANNELS}

    assert {"collector.decoders.*", "collector.checks.*", "rules.kinds.*"} | channels == independent


def test_pure_modules_never_reach_the_outside(graph):
    """No module without the mark reaches sockets, threads, databases or clients, even through others."""
    chains = []
    for name in sorted(_modules(pure=True)):
        reached = graph.find_upstream_modules(name) & OUTSIDE
        chains += [" -> ".join(graph.find_shortest_chain(name, outside)) for outside in sorted(reached)]

    assert [] == chains, "\n".join(chains)


def test_pure_modules_never_import_marked_ones(graph):
    """No module without the mark imports one that does I/O."""
    shell = _modules(pure=False)
    edges = [
        f"{name} -> {imported}"
        for name in sorted(_modules(pure=True))
        for imported in sorted(graph.find_modules_directly_imported_by(name))
        if imported in shell
    ]

    assert [] == edges, "\n".join(edges)


def test_shell_modules_outside_lifeline_stay_in_their_stage(graph):
    """Outside lifeline, a module that does I/O is imported only from its own top-level package."""
    shell = {name: path for name, path in _modules(pure=False).items() if name not in FOR_EVERYBODY}
    edges = [
        f"{name} -> {imported}"
        for name, path in sorted(shell.items())
        if path.parts[0] != "lifeline"
        for imported in sorted(graph.find_modules_directly_imported_by(name))
        if imported in shell and shell[imported].parts[0] != path.parts[0]
    ]

    assert [] == edges, "\n".join(edges)


def test_packages_at_the_top_are_not_marked():
    """The folders themselves are described as what flows through them, not as I/O."""
    assert set() == set(PACKAGES) & _modules(pure=False).keys()


STORES = ("collector/journal/", "collector/history/", "alerts/store/")
"""The rooms that may name SQLite: journal, history and ledger."""


def test_modules_outside_the_stores_never_name_sqlite():
    """Everything else knows only the protocols `Journal` and `History`, and the functions that open."""
    wrong = [
        f"{path}:{node.lineno} {name}"
        for path in python_files(*PACKAGES, "benchmarks")
        if not path.as_posix().startswith(STORES)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in _imported(node)
        if "sqlite" in name.lower()
    ]

    assert [] == wrong, "\n".join(wrong)


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Return the dotted names that a statement imports."""
    before = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
    return [before + alias.name for alias in node.names]

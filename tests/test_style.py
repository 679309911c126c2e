"""The mechanical half of style: linters, words, documents that agree with the files."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources import PACKAGES, ROOT, project_files, pyproject, python_files, text_files, tree

EMPTY_WORDS = ("manager", "handler", "helper", "util", "common", "data", "info", "mute", "snooze")
BANNED = frozenset(EMPTY_WORDS) | {f"{word}s" for word in EMPTY_WORDS}
ALLOWED = frozenset({"data_dir", "data_quality", "MANAGER"})
"""`data_dir` is the setting's usual name, data quality a field of its own, the manager (管理人) a role of the code."""

CHECKS = {
    "ruff check": ["ruff", "check", "--no-cache", "."],
    "ruff format": ["ruff", "format", "--no-cache", "--check", "."],
    "mypy": ["mypy"],
}


@pytest.mark.parametrize("name", CHECKS)
def test_linter_on_the_project_finds_nothing(name):
    """Ruff and mypy have nothing to say."""
    result = subprocess.run(
        [sys.executable, "-m", *CHECKS[name]], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert 0 == result.returncode, result.stdout + result.stderr


def test_names_of_the_program_hold_no_empty_word():
    """No module, class, function, parameter or variable is called after a word that says nothing."""
    wrong = [
        f"{path}:{line} {name}"
        for path in python_files(*PACKAGES, "benchmarks")
        for line, name in _names(path)
        if name not in ALLOWED and BANNED & set(_words(name))
    ]

    assert [] == wrong, "\n".join(wrong)


def test_names_of_the_program_never_shadow_a_warning():
    """No class is called Warning, which would shadow the builtin."""
    wrong = [f"{path}:{line}" for path in python_files(*PACKAGES) for line, name in _names(path) if name == "Warning"]

    assert [] == wrong, "\n".join(wrong)


def _names(path: Path) -> list[tuple[int, str]]:
    """Return (line, name) of everything that a file gives a name to, itself included."""
    names = [(1, path.stem)]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.append((node.lineno, node.name))
        elif isinstance(node, ast.arg):
            names.append((node.lineno, node.arg))
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.append((node.lineno, node.id if isinstance(node, ast.Name) else node.attr))
    return names


def _words(name: str) -> list[str]:
    """Return the lower-case words of a snake or camel case name."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


# written in two halves, so that this file is not what it looks for
FORBIDDEN = {
    "an open end": "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")),
    "a path of one machine": "/" + "work/|/" + "root/|/" + "home/[a-z]",
    "a package registry": "|".join(("py" + r"pi\.org", "python" + "hosted", "index" + "-url", "find" + "-links")),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_files_of_the_project_hold_none(name):
    """No file holds an open end, a path of one machine or the address of a package registry."""
    pattern = re.compile(rf"(?<![\w.])(?:{FORBIDDEN[name]})")
    found = [
        f"{path}:{number} {line.strip()[:100]}"
        for path, text in text_files()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]

    assert [] == found, "\n".join(found)


def test_tests_outside_end_to_end_never_sleep():
    """Unit tests wait for nothing."""
    wrong = [
        f"{path}:{node.lineno}"
        for path in python_files("tests")
        if path.parts[1] not in ("end_to_end", "services")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("sleep", "time.sleep", "asyncio.sleep")
    ]

    assert [] == wrong, "\n".join(wrong)


def test_tests_folder_has_no_init_file():
    """Test folders that mirror packages are no packages: they would shadow them."""
    assert [] == [str(path) for path in python_files("tests") if path.name == "__init__.py"]


def test_tests_folders_mirror_the_packages():
    """Each folder of tests is named after what it tests."""
    folders = {path.parts[1] for path in python_files("tests") if len(path.parts) > 2}

    assert set() == folders - {*PACKAGES, "services", "end_to_end", "benchmarks", "deploy", "examples"}


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md", "CONTRIBUTING.md"])
def test_commands_of_the_readme_exist(name):
    """Every `make` command that a document tells the reader to type is a target."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    told = set(re.findall(r"\bmake ([a-z-]+)", _code(ROOT / name)))

    assert told
    assert set() == told - targets


def test_changelog_names_the_version():
    """The version of pyproject.toml has its heading in the changelog."""
    version = pyproject()["project"]["version"]

    assert re.search(rf"^## .*{re.escape(version)}", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)


LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")


def test_links_of_the_documents_lead_to_files():
    """Every relative link in a document leads to a file of the project."""
    broken = [
        f"{path}: {target}"
        for path, text in text_files()
        if path.suffix == ".md"
        for target in LINK.findall(text)
        if "://" not in target and not (ROOT / path.parent / target).exists()
    ]

    assert [] == broken, "\n".join(broken)


def test_licence_is_the_one_of_the_metadata():
    """The LICENSE file is the Apache License 2.0 that pyproject.toml names."""
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")

    assert "Apache-2.0" == pyproject()["project"]["license"]
    assert text.lstrip().startswith("Apache License")


def test_lock_files_pin_every_package_with_hashes():
    """Each line of the lock files is an exact version with at least one hash, and no address."""
    for name in ("run.txt", "test.txt", "bench.txt"):
        text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
        pinned = re.findall(r"^[A-Za-z0-9._-]+(?:\[[^\]]*\])?==\S+ ", text, re.MULTILINE)

        assert len(pinned) == len(re.findall(r"^[A-Za-z0-9]", text, re.MULTILINE))
        assert len(pinned) <= text.count("--hash=sha256:")
        assert "://" not in text


def _code(path: Path) -> str:
    """Return what stands in code blocks and code spans of a document."""
    text = path.read_text(encoding="utf-8")
    return "\n".join(re.findall(r"```.*?```|`[^`]+`", text, re.DOTALL))


def test_project_tracks_no_large_file():
    """No file is larger than 1 MB."""
    large = [str(path) for path in project_files() if (ROOT / path).stat().st_size > 1_000_000]

    assert [] == large, "\n".join(large)

"""YAML text as plain values that keep their line numbers, in the core schema of YAML 1.2.

Input: text and the name of its file.
Output: `Document`.
Not responsible for: the meaning of the values, and opening files.
Rejects: duplicate keys, tags, merge keys, keys that are no words, unbounded nesting and aliases.

Only `true`, `false`, `null`, integers and floats get a type; integers may be decimal, 0x or 0o.
Everything else is text: `on`, `no`, `22:30` and `2025-03-24` stay as they are written.
YAML 1.1 would read false, 1350 and a date.
"""

import re
import typing
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import yaml

from config.errors import ConfigError, Problem

Path = tuple[str | int, ...]
"""Keys and list places from the top of a document: `("rules", 3, "high")`."""

Plain = bool | int | float | str | list["Plain"] | dict[str, "Plain"] | None
"""Values of a document."""

MAX_DEPTH = 32
"""Nested lists and mappings; assumed: the deepest document that we ship nests 6."""
MAX_NODES = 200_000
"""Values after aliases are followed; assumed: about 20,000 rules. Bounds alias bombs."""

_Loader = type[yaml.SafeLoader | yaml.CSafeLoader]

_DIFFERENT = re.compile("[\t?\ufeff]|[|>][-+0-9]*#")
"""Known texts that libyaml accepts in places where PyYAML's own reader does not."""

_BASED = re.compile(r"0x[0-9a-fA-F]{1,64}|0o[0-7]{1,64}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: Mapping[str, bool | float | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf"), float("inf")),
    "-.inf": float("-inf"),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed document and the line of every key and list item in it."""

    file: str
    value: Plain
    lines: Mapping[Path, int] = field(default_factory=dict)
    based: Mapping[Path, str] = field(default_factory=dict)
    """As they are written, numbers that are hexadecimal (`0x71`) or octal (`0o17`)."""

    def line(self, path: Path) -> int:
        """Return the 1-based line of `path`, or of its nearest ancestor that the document has."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return 0

    def at(self, path: Path) -> Plain:
        """Return the value at `path`.

        Raises:
            LookupError: the document has no such place.
        """
        value = self.value
        for step in path:
            value = _child(value, step)
        return value

    def problem(self, path: Path, *, expected: str, got: str, remedy: str) -> Problem:
        """Return a problem at `path` with this document's file and line."""
        return Problem(self.file, self.line(path), path_text(path), expected, got, remedy)


def _child(value: Plain, step: str | int) -> Plain:
    if isinstance(value, dict) and isinstance(step, str):
        return value[step]
    if isinstance(value, list) and isinstance(step, int):
        return value[step]
    raise LookupError(step)


def path_text(path: Path) -> str:
    """Return `path` as people write it: `rules[3].levels[0].limit`; `(document)` for the top."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".") or "(document)"


def parse_yaml(text: str, file: str) -> Document:
    """Return the one YAML document in `text`; an empty text gives None as value.

    Raises:
        ConfigError: not YAML, more than one document, or something this module refuses; all duplicates at once.
    """
    if yaml.__with_libyaml__ and not _DIFFERENT.search(text):
        # Eight times as fast, but it refuses in other words.
        with suppress(ConfigError, UnicodeEncodeError):
            return _document(text, file, yaml.CSafeLoader)
    return _document(text, file, yaml.SafeLoader)


def _document(text: str, file: str, loader: _Loader) -> Document:
    try:
        _check_events(text, file, loader)
        node = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        got = " ".join(str(part) for part in (error.context, error.problem) if part)
        raise _refused(file, line, "YAML", got, "correct the syntax at this line") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position if isinstance(error.position, int) else 0) + 1
        raise _refused(file, line, "printable text", str(error.reason), "remove the character") from error
    if node is None:
        return Document(file, None, {(): 1})
    reading = _Reading(file)
    value = reading.plain(node, ())
    if reading.problems:
        raise ConfigError(reading.problems)
    return Document(file, value, {(): 1, **reading.lines}, reading.based)


def _refused(file: str, line: int, expected: str, got: str, remedy: str) -> ConfigError:
    return ConfigError([Problem(file, line, "(document)", expected, got, remedy)])


def _check_events(text: str, file: str, loader: _Loader) -> None:
    """Bound the depth before anything recurses over it, and refuse tags."""
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise _refused(file, line, f"at most {MAX_DEPTH} nested levels", "more", "flatten the document")
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise _refused(
                file, line, "plain values", f"the tag {tag}", "remove the tag; quote the value to make it text"
            )


class _Reading:
    """The walk from nodes to plain values, collecting lines and problems on its way."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[Path, int] = {}
        self.problems: list[Problem] = []
        self.based: dict[Path, str] = {}
        self._nodes = 0

    def plain(self, node: yaml.Node, path: Path) -> Plain:
        """Return the plain value of `node`."""
        self._nodes += 1
        if self._nodes > MAX_NODES or len(path) > MAX_DEPTH:
            got = "more (an alias repeats too much or contains itself)"
            expected = f"at most {MAX_NODES} values in {MAX_DEPTH} levels"
            raise _refused(self.file, node.start_mark.line + 1, expected, got, "write the values out or split the file")
        if isinstance(node, yaml.MappingNode):
            return {key: self.plain(value, (*path, key)) for key, value in self._pairs(node, path)}
        if isinstance(node, yaml.SequenceNode):
            return [self._item(item, (*path, place)) for place, item in enumerate(node.value)]
        scalar = typing.cast("yaml.ScalarNode", node)
        if not scalar.style and _BASED.fullmatch(scalar.value):
            self.based[path] = scalar.value
        return _scalar(scalar)

    def _item(self, node: yaml.Node, path: Path) -> Plain:
        self.lines[path] = node.start_mark.line + 1
        return self.plain(node, path)

    def _pairs(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, yaml.Node]]:
        seen: dict[str, int] = {}
        for key_node, value in node.value:
            line = key_node.start_mark.line + 1
            key = _scalar(key_node) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str) or key == "<<":
                self._problem(line, path, "a word as key", _shown_key(key_node), "put the key in quotes")
            elif key in seen:
                expected = f"the key once (line {seen[key]})"
                self._problem(line, (*path, key), expected, "it again", "remove one of the two")
            else:
                seen[key] = self.lines[*path, key] = line
                yield key, value

    def _problem(self, line: int, path: Path, expected: str, got: str, remedy: str) -> None:
        self.problems.append(Problem(self.file, line, path_text(path), expected, got, remedy))


def _scalar(node: yaml.ScalarNode) -> Plain:
    text = str(node.value)
    if node.style:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if re.fullmatch(r"[-+]?[0-9]{1,300}", text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    return float(text) if _FLOAT.fullmatch(text) else text


def _shown_key(node: yaml.Node) -> str:
    return f"{node.value:.40}" if isinstance(node, yaml.ScalarNode) else "a list or mapping"

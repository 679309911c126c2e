"""The programs outside that shell text starts: the first word of each command, also of those within words.

It reads what our scripts use of the language: comments, quotes, substitutions, lists, loops, functions, `case`.
"""

import re
from collections.abc import Iterator

_KEYWORDS = frozenset(
    {"if", "then", "elif", "else", "fi", "while", "until", "do", "done", "case", "esac", "{", "}", "!"}
)
_BUILTINS = frozenset(
    {
        *(
            "cd",
            "echo",
            "eval",
            "exec",
            "exit",
            "export",
            "printf",
            "pwd",
            "read",
            "return",
            "set",
            "shift",
            "test",
            "trap",
        ),
        *("wait", "kill", "true", ".", ":", "["),
    }
)
_STARTERS = frozenset({"env", "exec", "nice"})
"""What is followed by another command, behind options and assignments."""
_TOKEN = re.compile(
    r"""(?P<space>[ \t]+|\\\n)|(?P<comment>\#[^\n]*)|(?P<end>\n|;;|&&|\|\||[;&|()])
    |(?P<redirect>[0-9]*[<>]+&?[0-9-]?)
    |(?P<word>(?:\\.|'[^']*'|"(?:\\.|\$\((?:[^()]|\([^()]*\))*\)|[^"\\])*"|\$\((?:[^()]|\([^()]*\))*\)|[^\s;&|()<>'"\\])+)
    """,
    re.VERBOSE | re.DOTALL,
)
_SUBSTITUTION = re.compile(r"\$\(((?:[^()]|\([^()]*\))*)\)", re.DOTALL)
_PROGRAM = re.compile(r"[a-z][\w.+-]*")


def programs(text: str) -> set[str]:
    """Return the programs that the shell looks up on its path, but for its own words and functions."""
    functions = set(re.findall(r"^ *(\w+)\(\) \{", text, re.MULTILINE))
    return {word for words in _commands(text) for word in _started(words)} - functions


def recipes(makefile: str) -> str:
    """Return the lines that make gives to the shell, without what make itself puts in."""
    lines = "\n".join(line[1:].lstrip("@-+") for line in makefile.splitlines() if line.startswith("\t"))
    while (shorter := re.sub(r"\$\([^()]*\)", "", lines)) != lines:
        lines = shorter
    return lines.replace("$$", "$")


def _commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each simple command, those in substitutions too."""
    words: list[str] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"not understood: {text[at : at + 60]!r}")
        at, kind, token = match.end(), match.lastgroup, match[0]
        if kind == "comment" and text[match.start() - 1 : match.start()] not in ("", " ", "\n", "\t"):
            kind = "word"
        if kind == "word":
            words.append(token)
            for inner in _SUBSTITUTION.findall(re.sub(r"'[^']*'", "", token) if '"' not in token else token):
                yield from _commands(inner)
        elif kind == "end":
            yield words
            words = []
    yield words


def _started(words: list[str]) -> Iterator[str]:
    """Yield the programs that the words of one command start."""
    while words and (words[0] in _KEYWORDS or re.match(r"\w+=", words[0])):
        words = words[1:]
    if not words or words[0] in {"for", "in"} or words[0] in _BUILTINS - _STARTERS:
        return
    first, rest = words[0], words[1:]
    if first == "command":
        return
    if first in _STARTERS or re.fullmatch(r"\$\w+", first):  # a variable may hold `sudo`, or nothing
        rest = [word for word in rest if not word.startswith("-")]
        yield from _started(rest)
    if first not in _BUILTINS and _PROGRAM.fullmatch(first):
        yield first
    if first in {"sh", "bash"} or "sh" in rest:
        for word in rest:
            if word.startswith("'"):
                yield from programs(word.strip("'"))

"""Paths into JSON such as `$.payload.sensors[0].value` or `$["a key"]`, compiled once and followed often.

Input: the text of a path, decoded JSON.
Output: the value there, or `MISSING`; and JSON that has a value there.
Not responsible for: the meaning of the value.
Rejects: wildcards, filters and slices: one path is one value.

Source: the part of RFC 9535 that names one node.
"""

import re
from collections.abc import Sequence
from typing import Final

MISSING: Final = object()
"""Stands for nothing being at a path; null is a value."""
_STEP = re.compile(r"""\.?([^\W\d][\w-]*)|\[(\d{1,4})\]|\[(?:"([^"]*)"|'([^']*)')\]""")


def compile_path(text: str) -> tuple[str | int, ...]:
    """Return the keys and places of a path; the `$` at its start may be left out.

    Raises:
        ValueError: it is no such path.
    """
    rest = text.removeprefix("$")
    steps: list[str | int] = []
    end = 0
    while end < len(rest):
        found = _STEP.match(rest, end)
        if found is None or (found[1] is not None and rest[end] != "." and (end or text != rest)):
            raise ValueError(f'expected a path such as $.a.b[0] or $["a key"], got {text!r}')
        key = next((group for group in (found[1], found[3], found[4]) if group is not None), None)
        steps.append(int(found[2]) if key is None else key)
        end = found.end()
    return tuple(steps)


def follow(value: object, path: Sequence[str | int]) -> object:
    """Return the value at `path` in `value`, or `MISSING`."""
    for step in path:
        if isinstance(step, str):
            if not isinstance(value, dict) or step not in value:
                return MISSING
            value = value[step]
        else:
            if not isinstance(value, list) or step >= len(value):
                return MISSING
            value = value[step]
    return value


def put(root: dict[str, object], path: Sequence[str | int], value: object) -> None:
    """Write `value` at `path` of `root`, making the objects and lists on the way.

    Raises:
        TypeError: the path runs through something else.
    """
    node: object = root
    for step, following in zip(path, [*path[1:], None], strict=True):
        fresh = value if following is None else ([] if isinstance(following, int) else {})
        if isinstance(step, str) and isinstance(node, dict):
            node = node.setdefault(step, fresh)
        elif isinstance(step, int) and isinstance(node, list):
            node.extend([None] * (step + 1 - len(node)))
            node[step] = fresh if node[step] is None else node[step]
            node = node[step]
        else:
            raise TypeError(f"path {list(path)}: expected an object or a list at {step!r}")

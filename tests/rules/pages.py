"""Parts of documents that are made from tables of the program: `python -m tests.rules.pages` writes them.

A part stands between `<!-- generated: NAME -->` and `<!-- end of generated part -->`.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from rules.alarms.level_table import DELAY_OVER, EVENT_TABLE, PROVEN, LevelEvent, LevelState
from rules.kinds import RULE_KINDS
from rules.quality_masks import NOTHING, QualityMask

DOCS = Path(__file__).parents[2] / "docs"
_PART = r"(?<=<!-- generated: {} -->\n).*?(?=<!-- end of generated part -->)"

STATES = {
    LevelState.INACTIVE: "inactive",
    LevelState.ON_DELAY_UNPROVEN: "on-delay, waits for a heartbeat",
    LevelState.ON_DELAY: "on-delay",
    LevelState.ACTIVE: "active",
    LevelState.OFF_DELAY_UNPROVEN: "off-delay, waits for a heartbeat",
    LevelState.OFF_DELAY: "off-delay",
}
EVENTS = {
    LevelEvent.VALUE_BEYOND: "value at the limit or beyond it",
    LevelEvent.VALUE_IN_DEADBAND: "value in the deadband",
    LevelEvent.VALUE_WITHIN: "value back behind the reset value",
    LevelEvent.VALUE_UNKNOWN: "value not known",
    LevelEvent.GAP: "gap before a value",
    LevelEvent.HEARTBEAT: "heartbeat advances",
}


def level_states() -> str:
    """Return the table of the states of one level."""
    rows = [("state", *EVENTS.values(), "the delay is over"), ("---",) * (len(EVENTS) + 2)]
    for state, name in STATES.items():
        after = [EVENT_TABLE[state][event] for event in EVENTS]
        cells = ["–" if each is state else STATES[each] for each in after]
        rows.append((f"**{name}**", *cells, STATES[DELAY_OVER[state]] if state in DELAY_OVER else "–"))
    proven = [
        f"- *{STATES[state]}* is *{STATES[after]}* where no heartbeat is needed." for state, after in PROVEN.items()
    ]
    return "\n".join([*_lines(rows), "", *proven, ""])


def quality_masks() -> str:
    """Return the flags that each kind of rule ignores and does not learn from, and the reasons."""
    rows = [("kind", "ignores", "uses, and does not learn from"), ("---",) * 3]
    masks: dict[QualityMask, list[str]] = {}
    for name, kind in RULE_KINDS.items():
        rows.append((f"`{name}`", _flags(kind.ignores), _flags(kind.does_not_learn)))
        masks.setdefault(kind.ignores, []).append(name)
        if kind.does_not_learn is not NOTHING:
            masks.setdefault(kind.does_not_learn, []).append(name)
    reasons = [("flags", "kinds", "reason"), ("---",) * 3]
    reasons += [(_flags(mask), ", ".join(f"`{each}`" for each in names), mask.reason) for mask, names in masks.items()]
    return "\n".join([*_lines(rows), "", *_lines(reasons), ""])


PARTS: Mapping[str, tuple[str, Callable[[], str]]] = {
    "level states": ("alarm-state.md", level_states),
    "quality masks": ("quality.md", quality_masks),
}
"""By name: the document, and the function that makes the part."""


def part_in(name: str, text: str) -> str:
    """Return the part `name` as it stands in `text`."""
    found = re.findall(_PART.format(name), text, re.DOTALL)
    assert len(found) == 1, name
    return found[0]


def _lines(rows: list[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in rows]


def _flags(mask: QualityMask) -> str:
    return ", ".join(f"`{word}`" if word != "–" else word for word in mask.words.split(", "))


if __name__ == "__main__":
    for name, (document, make) in PARTS.items():
        path = DOCS / document
        text = path.read_text(encoding="utf-8")
        part = make()
        path.write_text(re.sub(_PART.format(name), lambda _, part=part: part, text, flags=re.DOTALL), encoding="utf-8")

"""The part of docs/alarm-state.md about the life cycle of an alert: `python -m tests.alerts.pages` writes it.

The part stands between `<!-- generated: alert life cycle -->` and `<!-- end of generated part -->`.
"""

import re
from pathlib import Path

from alerts.state import LIFE_CYCLE, STATES, AlertPhase, LifeCycleEvent

DOCUMENT = Path(__file__).parents[2] / "docs" / "alarm-state.md"
PART = re.compile(r"(?<=<!-- generated: alert life cycle -->\n).*?(?=<!-- end of generated part -->)", re.DOTALL)


def life_cycle() -> str:
    """Return the table of the phases, and the table of the states."""
    phases = [
        ["phase", *(event.value for event in LifeCycleEvent)],
        ["---"] * (1 + len(LifeCycleEvent)),
        *([f"**{phase}**", *(LIFE_CYCLE[phase].get(event, "–") for event in LifeCycleEvent)] for phase in AlertPhase),
    ]
    states = [
        ["phase", "state without an acknowledgement", "state with an acknowledgement"],
        ["---"] * 3,
        *([f"**{phase}**", *(f"`{state}`" for state in STATES[phase])] for phase in AlertPhase),
    ]
    lines = ["| " + " | ".join(row) + " |" for row in phases]
    return "\n".join([*lines, "", *("| " + " | ".join(row) + " |" for row in states), ""])


if __name__ == "__main__":
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(PART.sub(life_cycle(), text, count=1), encoding="utf-8")

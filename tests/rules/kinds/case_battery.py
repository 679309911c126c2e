"""The battery kind for the conformance suite."""

import random
from collections.abc import Sequence

from config.register import Asset, Register, Sensor
from rules.kinds.battery import BatteryOptions
from rules.rule import Rule, RuleSet
from tests.rules.kinds.conformance import Case, Reading

CHARGE = Sensor("D.bat", "A", "D", "bat", "battery", 1.0, 0.0, 60.0, 600.0, "")
OPTIONS = BatteryOptions(limit=20, deadband=10, source="assumed")


def stream(dice: random.Random) -> list[Reading]:
    """Return a charge that fades and is renewed."""
    charge, rows = 40.0, []
    for i in range(200):
        charge = 100.0 if charge < 5 else charge - dice.random() * 4
        rows.append((0, 1000.0 + 60 * i, charge, 0))
    return rows


def reference(readings: Sequence[Reading]) -> list[tuple[float, int, int]]:
    """Judge one reading at a time."""
    level, found = 0, []
    for _, time_s, charge, _ in readings:
        turned = charge <= 20 if level == 0 else charge < 30
        if turned != level:
            found.append((time_s, level, int(turned)))
            level = int(turned)
    return found


CASE = Case(
    Register({}, {"A": Asset("A", "bridge", "bridge", "A", "A", "R", 0.0, 0.0)}, [CHARGE], {}, []),
    RuleSet((Rule("low", "battery", "低", "low", "", "", None, (0,), (), OPTIONS),), "1"),
    stream,
    reference,
    batch_s=300.0,
)

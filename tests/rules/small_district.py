"""A district of a few sensors, and rules made to meet at awkward moments; shared by the tests of this folder."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from collector.batch import ReadingBatch, make_batch
from config.register import Asset, Register, Sensor
from rules.events import AlarmEvents, Transition, TransitionReason
from rules.kinds.stale import StaleOptions
from rules.kinds.threshold import ThresholdOptions
from rules.rule import Rule, RuleSet

SECOND_NS = 1_000_000_000

PRESSURE, BEAT, GAS, OTHER_BEAT, PLAIN, ONLINE = range(6)
"""Dense numbers, in order: a live terminal's pressure and heartbeat; a manhole's gas and heartbeat; a sensor on its
own; the presence of the terminal."""


def register() -> Register:
    """Return two devices with a heartbeat and one without; stale times of 6, 9 and 4 s."""
    sensors = [
        Sensor("T.p", "A", "T", "p", "fire_water_pressure", 1.0, 0.0, 2.0, 6.0, "T.beat"),
        Sensor("T.beat", "A", "T", "beat", "heartbeat", 1.0, 0.0, 2.0, 6.0, ""),
        Sensor("G.ch4", "A", "G", "ch4", "methane", 1.0, 0.0, 3.0, 9.0, "G.beat"),
        Sensor("G.beat", "A", "G", "beat", "heartbeat", 1.0, 0.0, 3.0, 5.0, ""),
        Sensor("P.p", "B", "P", "p", "fire_water_pressure", 1.0, 0.0, 1.0, 4.0, ""),
        Sensor("T.online", "A", "T", "online", "online", 1.0, 0.0, 60.0, 180.0, ""),
    ]
    assets = {name: Asset(name, "residential_tower", "fire", name, name, "R", 0.0, 0.0) for name in "AB"}
    return Register({}, assets, sensors, {}, [])


def threshold(
    rule_id: str,
    sensors: Sequence[int],
    levels: Sequence[tuple],
    more: Mapping[str, object] = MappingProxyType({}),
    **options: object,
) -> Rule:
    """Return a threshold rule; each level is (level, limit, deadband, on and off delay in s[, samples on, off, of]).

    Each level also has the keys of `more`.
    """
    names = ("level", "limit", "deadband", "on_delay_s", "off_delay_s", "on_samples", "off_samples", "of_samples")
    written = [{**dict(zip(names, level, strict=False)), "source": "assumed", **more} for level in levels]
    checked = ThresholdOptions.model_validate({"levels": written, **options})
    return Rule(rule_id, "threshold", rule_id, rule_id, "", "", None, tuple(sensors), checked.limits(), checked)


def stale(rule_id: str, sensors: Sequence[int]) -> Rule:
    """Return a stale rule."""
    return Rule(rule_id, "stale", rule_id, rule_id, "", "", None, tuple(sensors), (), StaleOptions())


LADDER = [("blue", 3.0, 1.0, 12, 3), ("yellow", 2.0, 1.0, 4, 3), ("orange", 1.0, 1.0, 2, 2)]


def rules() -> RuleSet:
    """Return a live ladder on each side, a high side that judges suspects, one without delays, and stale rules."""
    return RuleSet(
        (
            threshold("low", [PRESSURE], LADDER, side="low", live=True),
            threshold(
                "gas", [GAS], [("yellow", 2.0, 0.5, 0, 0), ("red", 4.0, 1.0, 3, 5)], side="high", on_suspect="judge"
            ),
            stale("silent", [PRESSURE, GAS, PLAIN]),
            threshold(
                "second",
                [PRESSURE, PLAIN],
                [("green", 3.0, 0.5, 1, 0, 3, 2), ("blue", 2.0, 0.5, 0, 2, 2, 1, 5), ("red", 0.0, 0.5, 0, 4)],
                side="low",
            ),
            threshold("alive", [GAS], [("blue", 2.0, 0.5, 0, 0), ("red", 3.0, 1.0, 0, 4)], side="high", live=True),
        ),
        "1",
    )


def batch(received_s: float, readings: Iterable[tuple]) -> ReadingBatch:
    """Return a batch of (sensor, time in s, value) or (sensor, time in s, value, quality)."""
    rows = [(*reading, 0)[:4] for reading in readings]
    times = [round(row[1] * SECOND_NS) for row in rows]
    columns = [row[0] for row in rows], times, [row[2] for row in rows], [int(row[3]) for row in rows]
    return make_batch(round(received_s * SECOND_NS), *columns)


def told(events: AlarmEvents) -> list[tuple]:
    """Return (alarm number, time in s, transition, level before, level after, reason) of each transition."""
    return [
        (
            int(events.alarm[i]),
            float(events.time_ns[i]) / SECOND_NS,
            Transition(events.transition[i]).name,
            int(events.level_before[i]),
            int(events.level_after[i]),
            TransitionReason(events.reason[i]).name,
        )
        for i in range(len(events))
    ]


def without_position(lines: Iterable[str]) -> list[str]:
    """Return canonical lines with the journal position cut off."""
    return [line[: line.rindex(',"position"')] for line in lines]

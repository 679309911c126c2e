"""Risk level of an asset: a function of its present alarms, with its reasons as numbers.

Input: the active alarms of the asset, the number of its seen sensors, its level on the watch-list.
Output: one of the five levels, or None for unknown, and the reasons.
Not responsible for: the health of data; it is shown beside the level and never changes it.
Rejects: nothing.

The level is that of the highest alarm. It is one higher where many devices are in alarm at once, and where the asset is
on the watch-list. These two never make it red: red needs a rule with a red level.

>>> from config.levels import WarningLevel
>>> gas = [ActiveAlarm("gas.methane", f"D{i}", WarningLevel.YELLOW, is_blind=False) for i in range(3)]
>>> risk = risk_of(gas, n_heard=3, listed=None)
>>> risk.level.key, [(each.code.value, each.numbers) for each in risk.why]
('orange', [('stands', (3, 3)), ('many_devices', (3, 3))])
>>> print(describe_reason(risk.why[1], "", "en"))
3 devices say so at once (3 or more raise it by one level)
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from config.levels import WarningLevel
from config.register import Asset

MANY_DEVICES = 3
"""Number of devices at the highest level that raises it; assumed: two may share an error."""
_WATCHED_FROM = WarningLevel.ORANGE
"""Listed hazard points of this level and above are on the watch-list; assumed."""
_CAP = WarningLevel.ORANGE


class RiskReasonCode(StrEnum):
    """The reasons behind a risk level."""

    STANDS = "stands"
    """Alarms of a rule are active: (highest level, devices)."""
    MANY_DEVICES = "many_devices"
    """Many devices are in alarm at once: (devices, needed)."""
    WATCH_LIST = "watch_list"
    """The asset is on the watch-list: (level of the list,)."""
    LAST_KNOWN = "last_known"
    """All sensors of the highest level are blind: (blind alarms of that level,)."""
    CALM = "calm"
    """No alarm is active: (sensors seen since the start,)."""
    NEVER_HEARD = "never_heard"
    """No sensor was ever seen: ()."""


@dataclass(frozen=True, slots=True)
class ActiveAlarm:
    """An active hazard alarm of the asset."""

    rule: str
    device: str
    level: WarningLevel
    is_blind: bool
    """Its sensor has become blind since: the alarm stays active until its end is seen."""


@dataclass(frozen=True, slots=True)
class RiskReason:
    """One reason."""

    code: RiskReasonCode
    numbers: tuple[int, ...]
    rule: str = ""
    """The rule of the alarms, where the reason is about one rule."""


@dataclass(frozen=True, slots=True)
class Risk:
    """The risk level of an asset."""

    level: WarningLevel | None
    why: tuple[RiskReason, ...]


def risk_of(standing: Sequence[ActiveAlarm], n_heard: int, listed: WarningLevel | None) -> Risk:
    """Return the risk level and its reasons.

    Args:
        standing: the active hazard alarms.
        n_heard: number of sensors of hazard rules that were ever seen.
        listed: the level of the asset on the list of hazard points.
    """
    if not standing:
        nothing = RiskReason(RiskReasonCode.CALM, (n_heard,)) if n_heard else RiskReason(RiskReasonCode.NEVER_HEARD, ())
        return Risk(WarningLevel.GREEN if n_heard else None, (nothing,))
    level = max(each.level for each in standing)
    top = [each for each in standing if each.level == level]
    why = list(_reasons_by_rule(standing))
    n_devices = len({each.device for each in top})
    if n_devices >= MANY_DEVICES and level < _CAP:
        level = WarningLevel(level + 1)
        why.append(RiskReason(RiskReasonCode.MANY_DEVICES, (n_devices, MANY_DEVICES)))
    if _is_watched(listed) and level < _CAP:
        level = WarningLevel(level + 1)
        why.append(RiskReason(RiskReasonCode.WATCH_LIST, (int(listed or 0),)))
    if all(each.is_blind for each in top):
        why.append(RiskReason(RiskReasonCode.LAST_KNOWN, (len(top),)))
    return Risk(level, tuple(why))


def listed_level(asset: Asset) -> WarningLevel | None:
    """Return the level of `asset` on the list of hazard points, None where it is not listed."""
    return WarningLevel[asset.risk_level.upper()] if asset.risk_level else None


def is_watched(asset: Asset) -> bool:
    """Return whether `asset` is on the watch-list, for which rules may be stricter."""
    return _is_watched(listed_level(asset))


def _is_watched(listed: WarningLevel | None) -> bool:
    return listed is not None and listed >= _WATCHED_FROM


def describe_reason(why: RiskReason, title: str, language: str) -> str:
    """Return a reason as a sentence in `language`, `zh` or else English; `title` is the title of its rule."""
    zh, en = _SENTENCES[why.code]
    is_zh = language == "zh"
    is_level = why.code in {RiskReasonCode.STANDS, RiskReasonCode.WATCH_LIST}
    numbers: list[object] = list(why.numbers)
    if is_level:
        level = WarningLevel(why.numbers[0])
        numbers[0] = level.colour_zh if is_zh else level.key
    return (zh if is_zh else en).format(*numbers, title=title or why.rule)


def _reasons_by_rule(standing: Sequence[ActiveAlarm]) -> list[RiskReason]:
    """Return one reason for each rule, highest level first, then by name."""
    levels = Counter[str]()
    devices: dict[str, set[str]] = {}
    for each in standing:
        levels[each.rule] = max(levels[each.rule], each.level)
        devices.setdefault(each.rule, set()).add(each.device)
    ordered = sorted(levels, key=lambda rule: (-levels[rule], rule))
    return [RiskReason(RiskReasonCode.STANDS, (int(levels[rule]), len(devices[rule])), rule) for rule in ordered]


_SENTENCES = {
    RiskReasonCode.STANDS: ("{title}：{0}色，{1}台设备", "{title}: {0}, {1} device(s)"),
    RiskReasonCode.MANY_DEVICES: (
        "{0}台设备同时报警（达到{1}台提高一级）",
        "{0} devices say so at once ({1} or more raise it by one level)",
    ),
    RiskReasonCode.WATCH_LIST: (
        "该对象在隐患清单中为{0}色（报警时提高一级）",
        "The list of hazard points gives it {0} (raised by one level while an alarm stands)",
    ),
    RiskReasonCode.LAST_KNOWN: (
        "{0}个最高级报警的测点已失联，为失联前等级",
        "Those who say so have fallen silent ({0} alarms): the level is the last known",
    ),
    RiskReasonCode.CALM: ("没有报警，{0}个测点有过读数", "No alarm stands; {0} sensors have been heard"),
    RiskReasonCode.NEVER_HEARD: ("从未收到读数，等级未知", "Nothing was ever heard: the level is unknown"),
}

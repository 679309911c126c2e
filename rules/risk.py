"""Risk level of an asset: a function of what its alarms say now, with its reasons as numbers.

Comes in: alarms that stand at the asset, how many of its sensors were ever heard, its place on the watch-list. Goes
out: one of the five levels, or None where nobody knows, and why. Refuses to let the health of data change the level:
it stands beside it.

The level is that of the highest alarm. It is one higher, but never red, where many devices say so at once, and where
the asset is on the watch-list: red takes a rule that says red.

>>> from config.levels import WarningLevel
>>> gas = [Standing("gas.methane", f"D{i}", WarningLevel.YELLOW, is_blind=False) for i in range(3)]
>>> risk = risk_of(gas, n_heard=3, listed=None)
>>> risk.level.key, [(each.code.value, each.numbers) for each in risk.why]
('orange', [('stands', (3, 3)), ('many_devices', (3, 3))])
>>> print(words(risk.why[1], "", "en"))
3 devices say so at once (3 or more raise it by one level)
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from config.levels import WarningLevel
from config.register import Asset

MANY_DEVICES = 3
"""So many devices at the highest level raise it; assumed: two may share a mistake."""
_WATCHED_FROM = WarningLevel.ORANGE
"""Listed hazard points of this level and above are on the watch-list; assumed."""
_CAP = WarningLevel.ORANGE


class RiskReasonCode(StrEnum):
    """The reasons behind a risk level."""

    STANDS = "stands"
    """Alarms of a rule stand: (highest level, devices)."""
    MANY_DEVICES = "many_devices"
    """Many devices say so at once: (devices, needed)."""
    WATCH_LIST = "watch_list"
    """The asset is on the watch-list: (level of the list,)."""
    LAST_KNOWN = "last_known"
    """Whoever says so has fallen silent: (blind alarms of the highest level,)."""
    CALM = "calm"
    """Nothing stands: (sensors heard since the beginning,)."""
    NEVER_HEARD = "never_heard"
    """Nobody knows: ()."""


@dataclass(frozen=True, slots=True)
class ActiveAlarm:
    """A hazard alarm that stands at the asset."""

    rule: str
    device: str
    level: WarningLevel
    is_blind: bool
    """Its sensor has fallen silent since: it stands until somebody sees it end."""


@dataclass(frozen=True, slots=True)
class RiskReason:
    """One reason."""

    code: RiskReasonCode
    numbers: tuple[int, ...]
    rule: str = ""
    """Whose alarms, where the reason is about one rule."""


@dataclass(frozen=True, slots=True)
class Risk:
    """What an asset stands at."""

    level: WarningLevel | None
    why: tuple[RiskReason, ...]


def risk_of(standing: Sequence[ActiveAlarm], n_heard: int, listed: WarningLevel | None) -> Risk:
    """Return the risk level and its reasons.

    Args:
        standing: the hazard alarms that stand.
        n_heard: sensors that hazard rules look at and that were ever heard.
        listed: the level that the list of hazard points gives the asset.
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
    """Return the level that the list of hazard points gives `asset`, None where it is none of them."""
    return WarningLevel[asset.risk_level.upper()] if asset.risk_level else None


def is_watched(asset: Asset) -> bool:
    """Tell whether `asset` is on the watch-list, where rules may be tighter."""
    return _is_watched(listed_level(asset))


def _is_watched(listed: WarningLevel | None) -> bool:
    return listed is not None and listed >= _WATCHED_FROM


def describe_reason(why: RiskReason, title: str, language: str) -> str:
    """Return a reason as a sentence in `language`, `zh` or else English; `title` is that of its rule."""
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

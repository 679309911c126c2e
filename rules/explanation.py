"""The cause of a transition in words with numbers: the sentence for phones, the console and `explain`.

Input: a rule and the fields of one transition.
Output: one sentence in Chinese or English.
Not responsible for: the reader, and times of day.
Rejects: nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from config.levels import WarningLevel
from rules.events import AlarmEvents, AlarmKey, Extent, Transition, TransitionReason
from rules.rule import LevelLimit, Rule, Side


@dataclass(frozen=True, slots=True)
class TransitionFields:
    """The fields of one transition that an explanation needs."""

    transition: Transition
    reason: TransitionReason
    level_before: int
    level_after: int
    value: float
    """Canonical unit; NaN where silence caused it."""
    extent: Extent | None = None


def fields_at(events: AlarmEvents, i: int, alarms: Sequence[AlarmKey]) -> TransitionFields:
    """Return the fields of transition `i` of `events`, with numbers that stand for `alarms`."""
    return TransitionFields(
        Transition(events.transition[i]),
        TransitionReason(events.reason[i]),
        int(events.level_before[i]),
        int(events.level_after[i]),
        float(events.value[i]),
        events.extent(i, alarms),
    )


def describe(rule: Rule, fields: TransitionFields, language: str, stale_after_s: float | None = None) -> str:
    """Return the cause of the transition as a sentence.

    Args:
        rule: the rule of the alarm.
        fields: the transition.
        language: `zh`; anything else is English.
        stale_after_s: the stale time of the silent sensor, named where it is the cause.
    """
    is_zh = language == "zh"
    if fields.reason is TransitionReason.LIMIT_HELD:
        return _describe_limit_held(rule, fields, is_zh=is_zh)
    if fields.reason is TransitionReason.BACK_WITHIN:
        return _describe_return(rule, fields, is_zh=is_zh)
    if fields.reason in {TransitionReason.CONDITIONS_HOLD, TransitionReason.CONDITIONS_END}:
        return _describe_conditions(rule, fields, is_zh=is_zh)
    zh, en = _SILENCE[fields.reason]
    span = "" if stale_after_s is None else _span(stale_after_s, is_zh=is_zh)
    within = (f"（超过{span}）" if is_zh else f" (longer than {span})") if span else ""
    return zh.format(within=within) if is_zh else en.format(within=within)


_SILENCE = {
    TransitionReason.NO_READING: ("没有收到有效读数{within}", "No usable reading{within}"),
    TransitionReason.NO_HEARTBEAT: (
        "仍有读数，但设备心跳停止{within}",
        "Readings arrive, but the device's heartbeat stands still{within}",
    ),
    TransitionReason.NEVER_SEEN: ("已登记，但从未收到读数{within}", "Registered, but never heard{within}"),
    TransitionReason.DEVICE_OFFLINE: ("设备已离线", "The device has gone offline"),
    TransitionReason.FLAT_LINE: (
        "读数长时间不变，且该设备其他读数也不变",
        "The reading has stood still for longer than ever, and nothing else on the device moves",
    ),
    TransitionReason.ATTENUATED: (
        "相邻测点照常变化，而本测点长时间几乎不变",
        "The reading has hardly moved for long while its neighbours moved as usual",
    ),
    TransitionReason.MOVES_AGAIN: ("读数恢复变化", "Readings of the device change again"),
    TransitionReason.BATTERY_LOW: ("电池电量低", "The battery is low"),
    TransitionReason.BATTERY_WELL: ("电池电量已恢复", "The battery is charged again"),
    TransitionReason.HEARD_AGAIN: ("读数和心跳已恢复", "Readings and heartbeat are back"),
    TransitionReason.SHIFTS_ALONE: (
        "读数偏离同区其他测点推算的值，且没有其他测点印证",
        "The reading has moved away from what the other sensors of its zone foretell, and none of them confirms it",
    ),
    TransitionReason.AGREES_AGAIN: (
        "读数与同区其他测点重新一致",
        "The reading agrees with the other sensors of its zone again",
    ),
}


def _describe_conditions(rule: Rule, fields: TransitionFields, *, is_zh: bool) -> str:
    holds = fields.reason is TransitionReason.CONDITIONS_HOLD
    limit = rule.limit_of(fields.level_after if holds else fields.level_before)
    what = "" if limit is None else limit.because_zh if is_zh else limit.because_en
    delay_s = 0.0 if limit is None else limit.on_delay_s if holds else limit.off_delay_s
    span = _span(delay_s, is_zh=is_zh) if delay_s else ""
    stays = _describe_remaining(fields.level_after, is_zh=is_zh) if not holds else ""
    if is_zh:
        return f"{'' if holds else '已不再成立：'}{what}{f'，已持续{span}' if span else ''}{stays}"
    return f"{'' if holds else 'No longer so: '}{what}{f', for {span}' if span else ''}{stays}"


def interval_words(extent: Extent | None, decimals: int) -> str:
    """Return the ends of the interval of a value, ` (25–70)`; empty where they are unknown.

    >>> interval_words(Extent(24.8, 70.2), 0)
    ' (25–70)'
    """
    if extent is None or extent.is_place or extent.is_deadband:
        return ""
    return f" ({extent.low:.{decimals}f}–{extent.high:.{decimals}f})"


def place_words(extent: Extent | None, *, is_zh: bool) -> str:
    """Return the place along the pipe, counted from the sensor; empty where it is unknown.

    >>> place_words(Extent(300.0, 420.0, "burst/B.p"), is_zh=False)
    '; it began 300–420 m from here towards B.p'
    """
    if extent is None or not extent.is_place:
        return ""
    metres, sensor = f"{extent.low:.0f}–{extent.high:.0f}", extent.towards.partition("/")[2]
    if is_zh:
        return f"，位置在本测点向{sensor}方向{metres}米处"
    return f"; it began {metres} m from here towards {sensor}"


def _describe_limit_held(rule: Rule, fields: TransitionFields, *, is_zh: bool) -> str:
    decimals = rule.judged_quantity.decimals if rule.judged_quantity else 3
    what = _name_value(rule, fields.value, is_zh=is_zh) + interval_words(fields.extent, decimals)
    limit = rule.limit_of(fields.level_after)
    if limit is None:
        return what
    bound, reset = _number(rule, limit.limit), _number(rule, _reset(limit, fields))
    is_low, held = limit.side is Side.LOW, _describe_delay(limit, is_zh=is_zh) + place_words(fields.extent, is_zh=is_zh)
    held += _describe_deadband(rule, fields, is_zh=is_zh)
    # Within the deadband the condition still holds although the value alone would not begin it.
    is_between = fields.value > limit.limit if is_low else fields.value < limit.limit
    if is_zh:
        word, back = ("不高于", "回升到") if is_low else ("不低于", "回落到")
        between = f"尚未{back}{reset}，曾" if is_between else ""
        return f"{what}，{between}{word}{limit.level.colour_zh}色限值{bound}{held}"
    word, back = ("at or below", "back above") if is_low else ("at or above", "back below")
    between = f"not {back} {reset} since it was " if is_between else ""
    return f"{what}, {between}{word} the {limit.level.key} limit of {bound}{held}"


def _describe_delay(limit: LevelLimit, *, is_zh: bool) -> str:
    if limit.of_samples:
        zh = f"，最近{limit.of_samples}次读数中至少{limit.on_samples}次"
        return zh if is_zh else f" in at least {limit.on_samples} of the last {limit.of_samples} readings"
    if not limit.on_delay_s:
        return ""
    span = _span(limit.on_delay_s, is_zh=is_zh)
    return f"，已持续{span}" if is_zh else f" for {span}"


def _describe_return(rule: Rule, fields: TransitionFields, *, is_zh: bool) -> str:
    what = _name_value(rule, fields.value, is_zh=is_zh)
    # The one level that surely ended: a lower one may never have been active, or have ended before.
    limit = rule.limit_of(fields.level_before)
    if limit is None:
        return what
    end = _reset(limit, fields)
    bound, reset = _number(rule, limit.limit), _number(rule, end)
    is_low, span = limit.side is Side.LOW, _span(limit.off_delay_s, is_zh=is_zh) if limit.off_delay_s else ""
    # Within the deadband the condition stays over although the value alone would not end it.
    is_between = fields.value <= end if is_low else fields.value >= end
    stays = _describe_deadband(rule, fields, is_zh=is_zh) + _describe_remaining(fields.level_after, is_zh=is_zh)
    if is_zh:
        side, back, beyond = ("高于", "回升到", "以上") if is_low else ("低于", "回落到", "以下")
        begin = f"仍{side}{bound}，曾{back}" if is_between else f"已{back}"
        held = f"，已持续{span}" if span else ""
        return f"{what}，{begin}{limit.level.colour_zh}色解除值{reset}{beyond}{held}{stays}"
    side = "above" if is_low else "below"
    between = f"still {side} {bound} since it was " if is_between else ""
    held = f" for {span}" if span else ""
    return f"{what}, {between}back {side} the {limit.level.key} reset value of {reset}{held}{stays}"


def _reset(limit: LevelLimit, fields: TransitionFields) -> float:
    """Return the reset value in force."""
    if fields.extent is None or not fields.extent.is_deadband:
        return limit.reset
    return fields.extent.high if limit.side is Side.LOW else fields.extent.low


def _describe_deadband(rule: Rule, fields: TransitionFields, *, is_zh: bool) -> str:
    if fields.extent is None or not fields.extent.is_deadband:
        return ""
    wide = _number(rule, fields.extent.high - fields.extent.low)
    return f"，回差{wide}" if is_zh else f" (deadband {wide})"


def _describe_remaining(level: int, *, is_zh: bool) -> str:
    if level == 0:
        return ""
    name = WarningLevel(level)
    return f"，仍为{name.colour_zh}色" if is_zh else f"; still {name.key}"


def _name_value(rule: Rule, value: float, *, is_zh: bool) -> str:
    judged = rule.judged_quantity
    if judged is None:
        return _number(rule, value)
    if is_zh:
        return f"{judged.zh}{_number(rule, value)}"
    return f"{judged.en[:1].upper()}{judged.en[1:]} {_number(rule, value)}"


def _number(rule: Rule, value: float) -> str:
    if rule.judged_quantity is None:
        return f"{value:g}"
    text = f"{value:.{rule.judged_quantity.decimals}f}"
    # "-0.00" reads as a fault of the instrument.
    plain = text.removeprefix("-") if float(text) == 0 else text
    return f"{plain} {rule.judged_quantity.unit}".rstrip()


def _span(seconds: float, *, is_zh: bool) -> str:
    """Return a duration in its largest unit without a remainder: 10 s, 2 min, 3 h."""
    for size, zh, en in ((3600, "小时", "h"), (60, "分钟", "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{zh}" if is_zh else f"{seconds / size:g} {en}"
    return f"{seconds:g}秒" if is_zh else f"{seconds:g} s"

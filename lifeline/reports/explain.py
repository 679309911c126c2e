"""I/O: the chain of one alert in words: reading, rule with version, limit and source, alarm, alert, each notification.

Input: an `AlertChain` and the configuration.
Output: Chinese or English text for console and command line.
Not responsible for: evaluating again: it repeats the records of the ledger.
Rejects: nothing.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from alerts.alert import Alert, Decision, DecisionReason, StoredEvent
from alerts.ledger.ledger import Label
from alerts.notification import Delivery
from alerts.outbox.delivery_reports import ReceiptCode
from alerts.planning.orphans import is_end_seen
from config.levels import WarningLevel
from config.register import Register, Sensor
from lifeline.logs import redact_text
from lifeline.reports.alert_chain import AlertChain
from lifeline.text.formats import clock_text, mask_address
from lifeline.text.words import Language, word
from rules.events import Dimension
from rules.explanation import TransitionFields, describe, interval_words
from rules.rule import LevelLimit, Rule, RuleSet


@dataclass(frozen=True, slots=True)
class ChainStep:
    """One step of the chain before the phones."""

    what: str
    """Key of the console's words: reading, rule, alarm or alert."""
    time_ns: int
    """When, UTC nanoseconds; 0 where a time makes no sense."""
    text: str
    note: str


def list_chain_steps(chain: AlertChain, register: Register, ruleset: RuleSet, lang: Language) -> list[ChainStep]:
    """Return the steps that led to the notifications of `chain`, in order."""
    rule = next((rule for rule in ruleset.rules if rule.id == chain.alert.rule), None)
    links: list[ChainStep] = []
    for event in chain.events:
        sensor = _find_sensor(event, register)
        limit = _find_limit(rule, event)
        if event is chain.events[0]:
            links += [
                _make_reading_step(event, sensor, rule, lang),
                _make_rule_step(chain, rule, limit, f"{ruleset.version}{_format_later(chain, register, lang)}", lang),
            ]
        links.append(_make_alarm_step(event, sensor, rule, lang))
    return [*links, _make_alert_step(chain, register, lang)]


def format_explanation(chain: AlertChain, register: Register, ruleset: RuleSet, lang: Language) -> str:
    """Return the whole chain of one alert as text for a terminal; phone numbers are masked."""
    zone = register.city.zone
    lines = [
        f"{word(link.what, lang)}  {_format_time(link.time_ns, zone)}  {link.text}"
        + (f"  [{link.note}]" if link.note else "")
        for link in list_chain_steps(chain, register, ruleset, lang)
    ]
    lines += [f"{word('label', lang)}  {format_label(each, zone, lang)}" for each in chain.labels]
    lines += list_incident_lines(chain.incident, zone, lang)
    for delivery in chain.deliveries:
        lines += _list_delivery_lines(delivery, register, lang)
    lines += [f"{word('decisions', lang)}  {format_decision(each, zone, lang)}" for each in chain.decisions]
    return "\n".join(lines)


def format_decision(decision: Decision, zone: tzinfo, lang: Language) -> str:
    """Return one decision with its reason; reasons are words of docs/alerts.md in either language."""
    time = f"{_format_time(decision.time_ns, zone)} " if decision.time_ns else ""
    separator = "：" if lang == "zh" else ": "
    meaning = f" {word(f'reason_{decision.reason}', lang)}" if decision.reason in _WORDED else ""
    return f"{time}{decision.verdict}/{decision.reason}{meaning}{separator}{decision.detail or decision.subject}"


_WORDED = (DecisionReason.GROUPED, DecisionReason.UNCOVERED, DecisionReason.SETTLING)
"""Reasons why somebody got no message of their own: said in the reader's words."""


def _find_sensor(event: StoredEvent, register: Register) -> Sensor | None:
    number = register.sensor_index.get(event.alarm.partition("/")[2])
    return None if number is None else register.sensors[number]


def _find_limit(rule: Rule | None, event: StoredEvent) -> LevelLimit | None:
    return rule.limit_of(event.level_after or event.level_before) if rule else None


def _make_reading_step(event: StoredEvent, sensor: Sensor | None, rule: Rule | None, lang: Language) -> ChainStep:
    where = f"{sensor.id} ({sensor.asset} {sensor.device})" if sensor else event.alarm
    return ChainStep(
        "reading", event.time_ns, f"{where} {_format_value(event, rule, lang)}", f"journal {event.position}"
    )


def _format_value(event: StoredEvent, rule: Rule | None, lang: Language) -> str:
    if math.isnan(event.value):
        # Rules that follow others have no value; only devices are judged by silence.
        return "—" if rule and rule.levels else word("silence", lang)
    quantity = rule.judged_quantity if rule else None
    if quantity is None:
        return f"{event.value:g}"
    return f"{event.value:.{quantity.decimals}f} {quantity.unit}{interval_words(event.extent, quantity.decimals)}"


def _make_rule_step(
    chain: AlertChain, rule: Rule | None, limit: LevelLimit | None, version: str, lang: Language
) -> ChainStep:
    title = (rule.title_zh if lang == "zh" else rule.title_en) if rule else ""
    text = f"{chain.alert.rule} {title}"
    delay = "持续" if lang == "zh" else "for"
    if limit and limit.because_zh:
        text += f" · {limit.because_zh if lang == 'zh' else limit.because_en} {delay} {limit.on_delay_s:g} s"
    elif limit and rule and rule.judged_quantity:
        sign = "≤" if limit.side == "low" else "≥"
        text += f" · {sign} {limit.limit:g} {rule.judged_quantity.unit} {delay} {limit.on_delay_s:g} s"
    source = f"{word('source', lang)}: {limit.source if limit else rule.source if rule else '—'}"
    return ChainStep("rule", 0, text.strip(), f"{source} · {version}")


def _format_later(chain: AlertChain, register: Register, lang: Language) -> str:
    """Return the note about a later configuration, empty where there is none."""
    if chain.later is None:
        return ""
    return f" · {word('judged_before', lang)} {_format_time(chain.later.started_ns, register.city.zone)}"


def _make_alarm_step(event: StoredEvent, sensor: Sensor | None, rule: Rule | None, lang: Language) -> ChainStep:
    levels = f"{_format_level(event.level_before, rule, lang)} → {_format_level(event.level_after, rule, lang)}"
    turn = TransitionFields(
        event.transition, event.reason, event.level_before, event.level_after, event.value, event.extent
    )
    why = describe(rule, turn, lang, sensor.stale_after_s if sensor else None) if rule else event.reason.name.lower()
    text = f"{event.alarm} {word(event.transition.name.lower(), lang)}: {levels}"
    return ChainStep("event", event.time_ns, text, why)


def _format_level(number: int, rule: Rule | None, lang: Language) -> str:
    if number == 0:
        return "—"
    if rule is None or not rule.levels:
        return word("device_fault", lang)
    return _format_colour(number, lang)


def _format_colour(number: int, lang: Language) -> str:
    level = WarningLevel(number)
    return f"{level.colour_zh} {level.zh}" if lang == "zh" else f"{level.key} {level.en}"


def ending_key(alert: Alert, decisions: Sequence[Decision], incident: Sequence[Alert] = ()) -> str:
    """Return the word key of the state of `alert`; `incident` has the other alerts of its incident.

    Open, closed, closed_unseen when its end was not observed, or incident_lasts when only this part of the danger is
    over.
    """
    if alert.is_open:
        return "open"
    if not is_end_seen(decisions):
        return "closed_unseen"
    return "incident_lasts" if any(each.is_open and each.peak > WarningLevel.GREEN for each in incident) else "closed"


def _make_alert_step(chain: AlertChain, register: Register, lang: Language) -> ChainStep:
    alert = chain.alert
    asset = register.assets.get(alert.asset)
    name = (asset.name_zh if lang == "zh" else asset.name_en) if asset else alert.asset
    if alert.dimension is Dimension.HEALTH:
        title = word("device_fault", lang)
    else:
        level = WarningLevel(alert.peak)
        title = f"{level.colour_zh} {level.zh}" if lang == "zh" else f"{level.key} {level.en}"
    state = word(ending_key(alert, chain.decisions, chain.incident), lang)
    return ChainStep("alert", alert.opened_ns, f"{name}: {title} ({state})", alert.id)


def format_label(label: Label, zone: tzinfo, lang: Language) -> str:
    """Return one label: disposition, cause, name and time."""
    cause = f" · {label.cause}" if label.cause else ""
    return (
        f"{word(f'label_{label.disposition}', lang)}{cause} · {label.contact} {_format_time(label.labelled_ns, zone)}"
    )


def list_incident_lines(incident: Sequence[Alert], zone: tzinfo, lang: Language) -> list[str]:
    """Return the other alerts of an incident, one a line."""
    return [
        f"{word('incident', lang)}  {_format_time(each.opened_ns, zone)}  {each.rule} {_format_colour(each.peak, lang)}"
        f" ({word('open' if each.is_open else 'closed', lang)})  [{each.id}]"
        for each in incident
    ]


def _list_delivery_lines(delivery: Delivery, register: Register, lang: Language) -> Iterator[str]:
    notification = delivery.notification
    contact = register.contacts.get(notification.contact)
    name = notification.contact if contact is None else (contact.name_zh if lang == "zh" else contact.name_en)
    address, kind = mask_address(notification.address), word(notification.kind.value, lang)
    yield (
        f"→ {name} {address} · {notification.channel} · {kind}"
        f" · {delivery.state} ({word('attempts', lang)} {delivery.attempts}) {notification.id}"
    )
    yield f"    {redact_text(notification.text)}"
    for key, time_ns in (
        ("accepted", delivery.first_sent_ns),
        *((ReceiptCode(code).name.lower(), received_ns) for code, received_ns in delivery.receipts),
        ("acknowledged", delivery.acknowledged_ns),
    ):
        if time_ns:
            yield f"    {_translate_receipt(key, lang)}  {_format_time(time_ns, register.city.zone)}"
    if delivery.last_reason:
        yield f"    {delivery.last_reason}"


def _translate_receipt(key: str, lang: Language) -> str:
    return f"{word('receipt', lang)} {key}" if key.upper() in ReceiptCode.__members__ else word(key, lang)


def _format_time(time_ns: int, zone: tzinfo) -> str:
    if not time_ns:
        return "-"
    return clock_text(time_ns, zone, millis=True)

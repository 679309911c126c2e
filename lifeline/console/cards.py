"""I/O: alerts as text for pages: names, local times, masked phone numbers, and the chain from reading to each phone.

Input: values of the ledger and the register.
Output: frozen cards of ready text.
Not responsible for: HTML.
Rejects: nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from alerts.alert import Alert
from alerts.notification import Delivery
from alerts.outbox.delivery_reports import ReceiptCode
from alerts.state import AlarmState, state_of
from config.levels import WarningLevel
from lifeline.console.context import ConsoleContext
from lifeline.console.security import form_proof
from lifeline.reports.alert_chain import AlertChain, read_chain
from lifeline.reports.explain import ending_key, format_decision, list_chain_steps
from lifeline.text.formats import clock_text, mask_address
from lifeline.text.words import Language, word
from rules.events import Dimension

OPERATOR = "console"
"""Recorded as the contact when the operator of the console acknowledges in the own name."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One entry of the list of people."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class AlertCard:
    """One alert."""

    id: str
    level: WarningLevel | None
    """The level now, of an alert that is over its highest; None for a device fault."""
    asset: str
    asset_name: str
    title: str
    since: str
    open: bool
    ending: str
    """Key of its state: open, closed, closed_unseen when the end was not observed, or incident_lasts."""
    state: str
    """Word of the state of its alarm, as docs/alarm-state.md lists them."""
    over_since: str
    """When its alarm ended, while the end is not sent; empty while it stands, and once the end was sent to all."""
    end_told_at: str
    """When its end is sent if the alarm stays inactive; empty where that does not depend on time."""
    acknowledged: bool
    acknowledged_by: str
    acknowledged_at: str
    contacts: tuple[Choice, ...]
    proof: str


@dataclass(frozen=True, slots=True)
class LinkCard:
    """One step of the chain before the phones."""

    what: str
    time: str
    text: str
    note: str


@dataclass(frozen=True, slots=True)
class PhoneCard:
    """One notification with its delivery."""

    name: str
    roles: str
    address: str
    channel: str
    kind: str
    accepted: str
    delivered: str
    acknowledged: str
    attempts: int
    trouble: str


@dataclass(frozen=True, slots=True)
class ChainCard:
    """From reading to each phone."""

    links: tuple[LinkCard, ...]
    phones: tuple[PhoneCard, ...]
    decisions: tuple[str, ...]


def make_alert_card(alert: Alert, context: ConsoleContext, lang: Language) -> AlertCard:
    """Return the card of one alert."""
    asset = context.register.assets.get(alert.asset)
    rule, state = context.rule(alert.rule), state_of(alert)
    return AlertCard(
        id=alert.id,
        level=choose_shown_level(alert),
        asset=alert.asset,
        asset_name=(asset.name_zh if lang == "zh" else asset.name_en) if asset else alert.asset,
        title=(rule.title_zh if lang == "zh" else rule.title_en) if rule else alert.rule,
        since=clock_text(alert.opened_ns, context.zone),
        open=alert.is_open,
        ending=read_ending_key(alert, context),
        state=f"state_{state}",
        over_since=clock_text(alert.changed_ns if alert.is_open and alert.is_over else 0, context.zone),
        end_told_at=clock_text(alert.end_held_until_ns if state is AlarmState.SETTLING else 0, context.zone),
        acknowledged=alert.acknowledged_ns is not None,
        acknowledged_by=find_contact_name(alert.acknowledged_by, context, lang),
        acknowledged_at=clock_text(alert.acknowledged_ns or 0, context.zone),
        contacts=_list_choices(alert, context, lang),
        proof=form_proof(context.links.secret, alert.id),
    )


def read_ending_key(alert: Alert, context: ConsoleContext) -> str:
    """Return the word key of the state of `alert`."""
    if alert.is_open:
        return ending_key(alert, ())
    return ending_key(alert, context.ledger.decisions.read(alert.id), context.ledger.alerts.read_incident(alert))


def choose_shown_level(alert: Alert) -> WarningLevel | None:
    """Return the level that stands for `alert`: now while open, its highest afterwards, None for a device fault."""
    if alert.dimension is Dimension.HEALTH:
        return None
    number = alert.level if alert.is_open and alert.level else alert.peak
    return WarningLevel(number) if number else None


def find_contact_name(contact: str, context: ConsoleContext, lang: Language) -> str:
    """Return a contact's name; of the console's own operator the word for it; else the id itself."""
    if contact == OPERATOR:
        return word("operator", lang)
    known = context.register.contacts.get(contact)
    return contact if known is None else (known.name_zh if lang == "zh" else known.name_en)


def make_chain_card(chain: AlertChain, context: ConsoleContext, lang: Language) -> ChainCard:
    """Return the chain as text."""
    links = tuple(
        LinkCard(link.what, clock_text(link.time_ns, context.zone, millis=True), link.text, link.note)
        for link in list_chain_steps(chain, context.register, context.ruleset, lang)
    )
    phones = tuple(_make_phone_card(delivery, chain.alert, context, lang) for delivery in chain.deliveries)
    return ChainCard(links, phones, tuple(format_decision(each, context.zone, lang) for each in chain.decisions))


def read_chain_card(alert_id: str, context: ConsoleContext, lang: Language) -> ChainCard | None:
    """Return the chain of the alert in the ledger, None when the ledger has no such alert."""
    chain = read_chain(context.ledger, alert_id)
    return make_chain_card(chain, context, lang) if chain else None


def _list_choices(alert: Alert, context: ConsoleContext, lang: Language) -> tuple[Choice, ...]:
    told = dict.fromkeys(each.contact for each in alert.recipients if each.contact in context.register.contacts)
    return tuple(Choice(contact, find_contact_name(contact, context, lang)) for contact in (OPERATOR, *told))


def _make_phone_card(delivery: Delivery, alert: Alert, context: ConsoleContext, lang: Language) -> PhoneCard:
    notification = delivery.notification
    roles = [
        word(duty.role.value, lang)
        for duty in context.register.duties
        if duty.asset == alert.asset and duty.contact == notification.contact
    ]
    is_trouble = delivery.state not in ("sent", "delivered")
    return PhoneCard(
        name=find_contact_name(notification.contact, context, lang),
        roles=" ".join(roles),
        address=mask_address(notification.address),
        channel=notification.channel,
        kind=word(notification.kind.value, lang),
        accepted=clock_text(delivery.first_sent_ns or 0, context.zone, millis=True),
        delivered=clock_text(_find_receipt_ns(delivery.receipts), context.zone, millis=True),
        acknowledged=clock_text(delivery.acknowledged_ns or 0, context.zone, millis=True),
        attempts=delivery.attempts,
        trouble=f"{delivery.state} {delivery.last_reason}".strip() if is_trouble else "",
    )


def _find_receipt_ns(receipts: Iterable[tuple[int, int]]) -> int:
    return next((received_ns for code, received_ns in receipts if code == ReceiptCode.DELIVERED), 0)

"""I/O: every record of the ledger about one alert: readings, rule, alarm, alert, each phone.

Input: an open ledger and the id of an alert.
Output: `AlertChain`.
Not responsible for: words.
Rejects: nothing; an unknown id gives None.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from alerts.alert import Alert, Decision, StoredEvent
from alerts.ledger.ledger import InForce, Label, Ledger, in_force_at
from alerts.notification import Delivery


@dataclass(frozen=True, slots=True)
class AlertChain:
    """One alert from the reading to the phones."""

    alert: Alert
    events: tuple[StoredEvent, ...]
    """Transitions of its alarms, in order."""
    deliveries: tuple[Delivery, ...]
    """Every notification with its delivery, in the order of decision."""
    decisions: tuple[Decision, ...]
    incident: tuple[Alert, ...] = ()
    """The other alerts of its incident, open or over."""
    labels: tuple[Label, ...] = ()
    """Its labels, the newest last."""
    later: InForce | None = None
    """The configuration of now, where it is another one than that which judged the first transition."""


def read_chain(ledger: Ledger, alert_id: str) -> AlertChain | None:
    """Return the chain of `alert_id`, None when the ledger has no such alert."""
    alert = ledger.alerts.find(alert_id)
    if alert is None:
        return None
    events = tuple(ledger.alarm_events.read(alert=alert_id))
    return AlertChain(
        alert,
        events,
        tuple(ledger.outbox.read_deliveries(alert_id)),
        tuple(ledger.decisions.read(alert_id)),
        ledger.alerts.read_incident(alert),
        ledger.labels.read(alert_id),
        _find_later_configuration(ledger, events),
    )


def _find_later_configuration(ledger: Ledger, events: Sequence[StoredEvent]) -> InForce | None:
    history = ledger.configurations.read()
    judged_by = in_force_at(history, events[0].position) if events else None
    return None if judged_by is None or judged_by.version == history[-1].version else history[-1]

"""I/O: everything the ledger knows about one alert, read together: reading, rule, alarm, alert, each phone.

Comes in: an open ledger and an alert id. Goes out: `Chain`. Refuses to put it into words.
"""

from dataclasses import dataclass

from alerts.alert import Alert, Decision
from alerts.ledger import Ledger
from alerts.records import Delivery, StoredEvent


@dataclass(frozen=True, slots=True)
class Chain:
    """One alert from the reading to the phones."""

    alert: Alert
    events: tuple[StoredEvent, ...]
    """Transitions of its alarms, in order."""
    deliveries: tuple[Delivery, ...]
    """Every notification and what became of it, in the order of decision."""
    decisions: tuple[Decision, ...]


def read_chain(ledger: Ledger, alert_id: str) -> Chain | None:
    """Return the chain of `alert_id`, None when the ledger has no such alert."""
    alert = ledger.alert(alert_id)
    if alert is None:
        return None
    return Chain(
        alert,
        tuple(ledger.alarm_events(alert=alert_id)),
        tuple(ledger.notifications(alert_id)),
        tuple(ledger.decisions(alert_id)),
    )

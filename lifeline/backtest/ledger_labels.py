"""I/O: labels that people gave to alerts, as incidents that a back-test is scored against.

Comes in: a ledger, the register. Goes out: `KnownIncident`s. Refuses device faults, and alerts nobody has labelled.
"""

from collections.abc import Iterable

from alerts.alert import Alert
from alerts.ledger.ledger import Disposition, LabelRecords
from config.register import Register
from lifeline.backtest.known_incidents import IncidentKind, KnownIncident
from rules.events import Dimension

_TRUTHS = {Disposition.TRUE: IncidentKind.DANGER, Disposition.FALSE: IncidentKind.FALSE_ALARM}


def read_labelled_incidents(labels: LabelRecords, register: Register, now_ns: int) -> tuple[list[KnownIncident], int]:
    """Return what labelled hazard alerts say, and of how many the place has left the register.

    Args:
        labels: of the ledger.
        register: what stands where now.
        now_ns: where alerts end that are still open, UTC nanoseconds.
    """
    found: list[KnownIncident] = []
    gone = 0
    for alert, label in labels.read_labelled_alerts():
        if alert.dimension is not Dimension.HAZARD:
            continue
        sensor = alert.subject.partition("/")[2]
        truth = _TRUTHS.get(label.disposition, IncidentKind.EXCUSED)
        sensors = frozenset(_sensors(alert, sensor, truth, register))
        if not sensors:
            gone += 1
            continue
        end_ns = alert.changed_ns if alert.is_over else now_ns
        place = alert.asset if truth is IncidentKind.DANGER else sensor
        found.append(
            KnownIncident(
                place, sensors, alert.opened_ns, max(end_ns, alert.opened_ns), alert.peak, truth, is_complete=False
            )
        )
    return found, gone


def _sensors(alert: Alert, sensor: str, truth: IncidentKind, register: Register) -> Iterable[str]:
    """Return whose alarms the label speaks of: a danger is the asset's, work the device's, a mistake the sensor's."""
    if truth is IncidentKind.DANGER:
        return (each.id for each in register.sensors if each.asset == alert.asset)
    if truth is IncidentKind.EXCUSED:
        return (each.id for each in register.sensors if each.device == alert.device)
    return (each.id for each in register.sensors if each.id == sensor)

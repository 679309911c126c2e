"""I/O: the labels of alerts in the ledger, as incidents for the score of a back-test.

Input: the labels of a ledger and the register.
Output: `KnownIncident`s.
Not responsible for: alerts without a label.
Rejects: labels of device faults; labels of places outside the register are counted.
"""

from collections.abc import Iterable

from alerts.alert import Alert
from alerts.ledger.ledger import Disposition, LabelRecords
from config.register import Register
from lifeline.backtest.known_incidents import IncidentKind, KnownIncident
from rules.events import Dimension

_TRUTHS = {Disposition.TRUE: IncidentKind.DANGER, Disposition.FALSE: IncidentKind.FALSE_ALARM}


def read_labelled_incidents(labels: LabelRecords, register: Register, now_ns: int) -> tuple[list[KnownIncident], int]:
    """Return the incidents of labelled hazard alerts, and the number of alerts of places outside the register.

    Args:
        labels: of the ledger.
        register: the assets and sensors of now.
        now_ns: the end of alerts that are still open, UTC nanoseconds.
    """
    found: list[KnownIncident] = []
    gone = 0
    for alert, label in labels.read_labelled_alerts():
        if alert.dimension is not Dimension.HAZARD:
            continue
        sensor = alert.subject.partition("/")[2]
        truth = _TRUTHS.get(label.disposition, IncidentKind.EXCUSED)
        sensors = frozenset(_list_sensors(alert, sensor, truth, register))
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


def _list_sensors(alert: Alert, sensor: str, truth: IncidentKind, register: Register) -> Iterable[str]:
    """Return the sensors of a label: a danger has those of the asset, work those of the device, a mistake the one."""
    if truth is IncidentKind.DANGER:
        return (each.id for each in register.sensors if each.asset == alert.asset)
    if truth is IncidentKind.EXCUSED:
        return (each.id for each in register.sensors if each.device == alert.device)
    return (each.id for each in register.sensors if each.id == sensor)

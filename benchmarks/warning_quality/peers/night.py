"""I/O: minimum night flow, the oldest sign of a leak; and the flow of a zone, where a data set has it beside pressures.

Comes in: the visible part of a recording; the folder of the data set. Goes out: levels of the site.
"""

import csv
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.warning_quality.peers.seam import Levels, Peer, Seen, Values, marked
from benchmarks.warning_quality.replay import Recording
from config.time_units import DAY_NS, HOUR_NS, SECOND_NS

_FROM_NS, _TO_NS = 2 * HOUR_NS, 4 * HOUR_NS
_NIGHTS, _LAMBDA = 10, 0.1
_INFLOWS = ("p227", "p235")


def judge(seen: Seen) -> Levels:
    """Return the days with a night flow a tenth above the least of the last ten nights without that.

    Each such night is a call of its own, until midnight.

    Source: the baseline of LeakDB (Vrachimis et al. 2018): mean from 2 to 4 h, ten nights, 10 %.
    """
    assert seen.flow is not None
    day, hour_ns = np.divmod(seen.time_ns, DAY_NS)
    night = (hour_ns >= _FROM_NS) & (hour_ns < _TO_NS)
    odd = np.zeros(len(day), np.bool_)
    calm: list[float] = []
    for each in np.unique(day[night]):
        flow = float(seen.flow[night & (day == each)].mean())
        high = len(calm) == _NIGHTS and flow > (1 + _LAMBDA) * min(calm)
        if not high:
            calm = [*calm, flow][-_NIGHTS:]
        begin, end = np.searchsorted(seen.time_ns, [each * DAY_NS + _TO_NS, (each + 1) * DAY_NS])
        odd[begin:end] = high
    return marked(odd[:, None], seen.learned)


def zone_flow(folder: Path, recording: Recording) -> Values | None:
    """Return the flow into the zone at the times of `recording`, m3/h, or None where it is not measured.

    The pressures of `ltown_resim` were simulated with the demand that the flows of BattLeDIM 2019 imply.
    """
    path = folder.parent / "battledim" / "2019_Flows.csv"
    if recording.name != "ltown_resim" or not path.exists():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    time_ns = np.array([_ns(row["Timestamp"]) for row in rows], np.int64)
    flow = np.array([sum(float(row[name].replace(",", ".")) for name in _INFLOWS) for row in rows])
    return flow[_nearest(time_ns, recording.time_ns)]


def _nearest(known_ns: NDArray[np.int64], time_ns: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the row at each time or before it."""
    return np.maximum(np.searchsorted(known_ns, time_ns, side="right") - 1, 0)


def _ns(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND_NS


def _unfit(seen: Seen) -> str:
    return "no flow into a zone of consumers is measured" if seen.flow is None else ""


_SETTING = "2 to 4 h against the least of ten nights, 10 %; a call each night; the place is not asked for"
PEERS = (Peer("minimum night flow", "", _SETTING, judge, _unfit, anywhere=True),)

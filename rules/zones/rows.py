"""`feed`: readings of one batch go into the rows of their zones, which close on the way.

Comes in: pairs of arrival and binding in the order of the readings. Goes out: for each pair what the model knew just
after it. Refuses to know what that means.
"""

import typing
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rules.admission.admission import AdmittedReadings
from rules.zones.model import ZoneModel


class RowResult(typing.NamedTuple):
    """What the model knew of each pair just after it."""

    departure: NDArray[np.float64]
    """Sum of departures; NaN while nobody knows."""
    confirming: NDArray[np.int16]
    """How many others of the zone depart."""
    danger: NDArray[np.float64]
    """NaN while nobody knows."""
    alone: NDArray[np.float64]
    """Sum of what it departs far and alone."""


def add_rows(
    model: ZoneModel, admitted: AdmittedReadings, row: NDArray[np.intp], binding: NDArray[np.intp]
) -> RowResult:
    """Return what the model knows of each pair of `row` and `binding`, rows ascending, and feed it.

    A time later than its being received counts as that. A reading too old to stand in the open row is left out.
    """
    time_ns = np.minimum(admitted.time_ns[row], admitted.received_ns)
    step = time_ns // model.step_ns[binding]
    value = admitted.value[row]
    if not (step != model.open_step[binding]).any():
        model.add(binding, value, time_ns)
        return _result_of(model, binding)
    found = _result_of(model, binding)
    for pairs in _split_by_zone(model.zone_of[binding]):
        for part in _split_at_rows(model, step, binding, pairs, admitted.received_ns):
            b = binding[part]
            open_ns = model.open_step[b] * model.step_ns[b]
            taken = part[time_ns[part] >= open_ns - model.fresh_ns[b]]
            model.add(binding[taken], value[taken], time_ns[taken])
            now = _result_of(model, b)
            found.departure[part], found.confirming[part] = now.departure, now.confirming
            found.danger[part], found.alone[part] = now.danger, now.alone
    return found


def _result_of(model: ZoneModel, binding: NDArray[np.intp]) -> RowResult:
    return RowResult(model.departure[binding], model.confirming[binding], model.danger[binding], model.alone[binding])


def _split_by_zone(zone: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """Yield the places of each zone's pairs, ascending."""
    order = np.argsort(zone, kind="stable")
    cuts = np.flatnonzero(np.diff(zone[order])) + 1
    yield from np.split(order, cuts)


def _split_at_rows(
    model: ZoneModel, step: NDArray[np.int64], binding: NDArray[np.intp], pairs: NDArray[np.intp], received_ns: int
) -> Iterator[NDArray[np.intp]]:
    """Yield stretches of one zone's `pairs` that belong to one row, each after the rows before it were closed."""
    if len(pairs) == 0:
        return
    zone = model.zones[int(model.zone_of[binding[pairs[0]]])]
    newest = int(model.open_step[zone.members[0]])
    if newest * zone.options.step_ns > received_ns or newest < 0:
        # Nothing was ever in it, or our own clock was set back: it may be far away now.
        newest = int(step[pairs[0]])
        model.open(zone, newest)
    running = np.maximum.accumulate(np.maximum(step[pairs], newest))
    cuts = np.flatnonzero(np.diff(running, prepend=newest))
    start = 0
    for cut in cuts.tolist():
        if cut > start:
            yield pairs[start:cut]
        model.close(zone, int(running[cut]))
        start = cut
    yield pairs[start:]

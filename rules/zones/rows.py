"""`add_rows`: readings of one batch enter the rows of their zones, which close on the way.

Input: pairs of reading and binding in the order of the readings.
Output: for each pair the results of the model just after it.
Not responsible for: the meaning of the results.
Rejects: a reading that is too old for the open row is left out.
"""

import typing
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rules.admission.admission import AdmittedReadings
from rules.zones.model import ZoneModel


class RowResult(typing.NamedTuple):
    """The results of the model just after each pair."""

    departure: NDArray[np.float64]
    """float64[n], sum of departures; NaN while unknown."""
    confirming: NDArray[np.int16]
    """int16[n], number of other departing sensors of the zone."""
    danger: NDArray[np.float64]
    """float64[n], NaN while unknown."""
    alone: NDArray[np.float64]
    """float64[n], sum of lone departures."""


def add_rows(
    model: ZoneModel, admitted: AdmittedReadings, row: NDArray[np.intp], binding: NDArray[np.intp]
) -> RowResult:
    """Add the readings of pairs of `row` and `binding`, rows ascending, and return the results just after each.

    A time later than the received time counts as the received time.
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
    """Yield the parts of one zone's `pairs` that belong to one row, each after the rows before it were closed."""
    if len(pairs) == 0:
        return
    zone = model.zones[int(model.zone_of[binding[pairs[0]]])]
    newest = int(model.open_step[zone.members[0]])
    if newest * zone.options.step_ns > received_ns or newest < 0:
        # The row is new, or the clock of this machine was set back and the row may be far away.
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

"""`Inputs`: what reaches the bindings of a rule kind, and rounds that judge many of them at once in their order.

Comes in: arrivals and the bindings that they reach. Goes out: rows, and index arrays of which the first holds the
first input of every binding, the second the second. Refuses to know limits and levels.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.batch import Quality
from rules.arrivals import Arrivals, starts_of

_RECEIVED_CLOCK = np.uint8(Quality.TIME_SERVER | Quality.TIME_FUTURE | Quality.TIME_PAST)


@dataclass(frozen=True, slots=True)
class Inputs:
    """One row for each binding that an arrival reaches.

    Attributes:
        place: intp[n], place of the arrival in its batch.
        binding: intp[n], whom it reaches.
        time_ns: int64[n], event time.
        value: float64[n], canonical unit.
        received_clock: bool[n], the time is not the device's own but when it was received.
        is_beat: bool[n], a sign of life of the binding's device instead of a value to judge.
    """

    place: NDArray[np.intp]
    binding: NDArray[np.intp]
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    received_clock: NDArray[np.bool_]
    is_beat: NDArray[np.bool_]

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Inputs":
        """Return the inputs at `rows`, int or bool mask."""
        return Inputs(
            self.place[rows],
            self.binding[rows],
            self.time_ns[rows],
            self.value[rows],
            self.received_clock[rows],
            self.is_beat[rows],
        )


def inputs_of(arrivals: Arrivals, row: NDArray[np.intp], binding: NDArray[np.intp], *, is_beat: bool) -> Inputs:
    """Return one input for each pair of `row`, intp[n] into `arrivals`, and `binding`, intp[n]."""
    received_clock = (arrivals.quality[row] & _RECEIVED_CLOCK) != 0
    flags = np.full(len(row), is_beat)
    return Inputs(arrivals.place[row], binding, arrivals.time_ns[row], arrivals.value[row], received_clock, flags)


def joined(parts: Sequence[Inputs]) -> Inputs:
    """Return the rows of all `parts`."""
    return Inputs(
        np.concatenate([part.place for part in parts]),
        np.concatenate([part.binding for part in parts]),
        np.concatenate([part.time_ns for part in parts]),
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.received_clock for part in parts]),
        np.concatenate([part.is_beat for part in parts]),
    )


def rounds(binding: NDArray[np.intp], place: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """Yield intp arrays of rows such that within one no binding occurs twice and over all each keeps its order.

    Args:
        binding: intp[n], whose input each row is.
        place: intp[n], the order of the inputs of one binding.
    """
    order = np.lexsort((place, binding))
    first = np.flatnonzero(starts_of(binding[order]))
    rank = np.arange(len(order)) - np.repeat(first, np.diff(np.append(first, len(order))))
    by_rank = order[np.argsort(rank, kind="stable")]
    end = np.cumsum(np.bincount(rank))
    for start, stop in zip(np.concatenate(([0], end[:-1])), end, strict=True):
        yield by_rank[start:stop]

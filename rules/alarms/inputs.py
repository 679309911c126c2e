"""`Inputs`: what reaches the bindings of a rule kind, as columns.

Comes in: arrivals and the bindings that they reach. Goes out: one row for each pair. Refuses to know limits and levels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.batch import RECEIVED_CLOCK
from rules.admission.admission import AdmittedReadings, starts_of


@dataclass(frozen=True, slots=True)
class Inputs:
    """One row for each binding that an arrival reaches.

    Attributes:
        place: intp[n], place of the arrival in its batch.
        binding: intp[n], whom it reaches.
        time_ns: int64[n], event time.
        value: float64[n], in the unit of what is judged.
        received_clock: bool[n], the time is not the device's own but when it was received.
        is_beat: bool[n], a sign of life of the binding's device instead of a value to judge.
        off_season: bool[n], no condition begins with it; what has begun goes on.
    """

    place: NDArray[np.intp]
    binding: NDArray[np.intp]
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    received_clock: NDArray[np.bool_]
    is_beat: NDArray[np.bool_]
    off_season: NDArray[np.bool_] | None = None
    """None: nowhere."""
    sigma: NDArray[np.float64] | None = None
    """float64[n], the noise of the binding as it was known before the reading; None where no rule asks for it."""

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Inputs":
        """Return the inputs at `rows`, int or bool mask."""
        return Inputs(
            self.place[rows],
            self.binding[rows],
            self.time_ns[rows],
            self.value[rows],
            self.received_clock[rows],
            self.is_beat[rows],
            None if self.off_season is None else self.off_season[rows],
            None if self.sigma is None else self.sigma[rows],
        )


def inputs_of(
    admitted: AdmittedReadings,
    row: NDArray[np.intp],
    binding: NDArray[np.intp],
    value: NDArray[np.float64],
    *,
    is_beat: bool,
) -> Inputs:
    """Return one input for each pair of `row`, intp[n] into `admitted`, and `binding`, intp[n], with its value."""
    received_clock = (admitted.quality[row] & RECEIVED_CLOCK) != 0
    flags = np.full(len(row), is_beat)
    return Inputs(admitted.place[row], binding, admitted.time_ns[row], value, received_clock, flags)


def join_inputs(parts: Sequence[Inputs]) -> Inputs:
    """Return the rows of all `parts`, which have an off season all of them or none."""
    seasons = [part.off_season for part in parts if part.off_season is not None]
    return Inputs(
        np.concatenate([part.place for part in parts]),
        np.concatenate([part.binding for part in parts]),
        np.concatenate([part.time_ns for part in parts]),
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.received_clock for part in parts]),
        np.concatenate([part.is_beat for part in parts]),
        np.concatenate(seasons) if seasons else None,
    )


def values_before(inputs: Inputs) -> NDArray[np.intp]:
    """Return intp[n]: the row of the nearest value before each input of the same binding, -1 where there is none.

    Args:
        inputs: sorted by binding and place.
    """
    row = np.arange(len(inputs.binding))
    first = np.maximum.accumulate(np.where(starts_of(inputs.binding), row, 0))
    newest = np.maximum.accumulate(np.where(inputs.is_beat, -1, row))
    before = np.concatenate(([-1], newest[:-1]))[: len(row)]
    return np.where(before >= first, before, -1)

"""`LiveState`: the state of every alarm and sensor at one journal position.

Input: copies of the columns of the engine.
Output: a frozen value that console and metrics may read at any time.
Not responsible for: its renewal; `lifeline.rules_stage.live_engine` publishes it.
Rejects: nothing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNSEEN, ALIVE, BLIND = 0, 1, 2
"""Values of `LiveState.health`, as `RuleEngine.health` gives them."""


@dataclass(frozen=True, slots=True)
class LiveState:
    """One consistent look at the rules engine.

    Attributes:
        position: journal position that everything else belongs to.
        received_ns: received time of the batch at `position`, 0 before the first.
        levels: int8[n_alarms], `WarningLevel` value of hazard alarms, 1 for active health alarms, 0 inactive.
        health: uint8[n_sensors], 0 unseen, 1 alive, 2 blind.
        values: float64[n_sensors], last reading in canonical units since the program started, NaN before the first.
        time_ns: int64[n_sensors], time of that reading, UTC nanoseconds, 0 before the first.
        quality: uint16[n_sensors], `Quality` bits of that reading.
    """

    position: int
    received_ns: int
    levels: NDArray[np.int8]
    health: NDArray[np.uint8]
    values: NDArray[np.float64]
    time_ns: NDArray[np.int64]
    quality: NDArray[np.uint16]


def initial_state(n_alarms: int, n_sensors: int) -> LiveState:
    """Return the live state before the first batch: nothing active, nothing heard."""
    return LiveState(
        0,
        0,
        np.zeros(n_alarms, np.int8),
        np.zeros(n_sensors, np.uint8),
        np.full(n_sensors, np.nan),
        np.zeros(n_sensors, np.int64),
        np.zeros(n_sensors, np.uint16),
    )

"""The numbers of the quality checks, each with its reason, and the bounds of each sensor that follow from them.

Input: the register and the catalogue of quantities.
Output: `CheckLimits`, and `SensorBounds` of a register.
Not responsible for: readings and the state of the sensors.
Rejects: nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.check_state.memory import SensorBounds
from config.quantities import Quantity
from config.register import Register
from config.settings import IntakeSettings
from config.time_units import DAY_NS, SECOND_NS

_STATES = frozenset({"0/1", "count"})
"""Units of states and counters: standing still and stepping are their nature."""
_CHARGE = "battery"
"""A charge too: it stands still for weeks, and a new battery is a step."""
_SAME = 1e-9
"""Readings this share of the quantity's range apart are equal; assumed: far below any instrument's last digit."""
_NEVER_FLAT_NS = np.iinfo(np.int64).max
"""No run is that long."""


@dataclass(frozen=True, slots=True)
class CheckLimits:
    """The numbers of the checks, the same for every sensor.

    Source: the spike check's were chosen on half of a public set of river sensors (docs/quality.md); the others are
    assumed, each with its reason.
    """

    spike_scales: float = 11.0
    """A spike departs from its sensor's level by this many of the larger of its two scales of change."""
    spike_floor: float = 0.001
    """And by this share of the quantity's range; assumed: 0.1 % of full scale is a usual accuracy."""
    noisy_share: float = 0.5
    """Unless more than this share of its readings differ from those before them: then its own scales say enough."""
    fast_readings: float = 16.0
    """Memory of the scale of recent change, readings."""
    slow_readings: float = 3000.0
    """Memory of the scale of usual change, readings."""
    clip: float = 12.0
    """One reading teaches at most this many of the larger scale: a fault does not become normal at once."""
    level_weight: float = 0.5
    """How far the level follows an accepted reading."""
    learn_readings: int = 96
    """A sensor is judged for spikes after this many; assumed: a day at four an hour."""
    flat_readings: int = 8
    """Equal readings, and cadences, that are never flat; chosen on clean recordings of six kinds. From 8 to 15 the same
    runs are flagged, all of them of sources that had stopped (docs/quality.md)."""
    rest_readings: int = 30
    """The same at rest: zero, or an end of the quantity's range; assumed: a pump may stand for half an hour."""
    flat_ratio: float = 4.0
    """Flat is this many times longer than the sensor's longest run of equal readings; assumed."""
    flat_changes: int = 100
    """A sensor is judged for flatness after this many changes; assumed: by then its usual runs are known."""
    flat_lesson: float = 2.0
    """A flat run teaches at most this many times the longest before it, except at rest; assumed. A second fault is then
    found nearly as soon as the first. A sensor that has become steadier is flagged some three times."""
    flat_forget: float = 0.999
    """Share of the longest run that is kept at each change; assumed: half of it is forgotten after 700 runs."""
    recent_readings: float = 96.0
    """Memory of how much a sensor moves now, readings; chosen on the river sensors: a day at four an hour."""
    usual_readings: float = 3000.0
    """Memory of how much it usually moves, readings; as `slow_readings`."""
    quiet_readings: float = 30_000.0
    """The same while it is quiet; assumed: a fault becomes normal ten times slower than anything else."""
    neighbour_learn: int = 1000
    """A sensor is compared with its neighbours, and they with it, after so many readings; assumed: ten days at 96."""
    quiet_share: float = 0.1
    """A quiet sensor moves less than this share of its usual, and of the share of its quietest neighbour."""
    moving_share: float = 0.5
    """Each neighbour moves at least this share of its usual; both shares were chosen on the river sensors."""
    quiet_hold_ns: int = DAY_NS
    """Quiet for so long is flagged; assumed: a day, so that a pump that rests at night is not called faulty."""


def make_bounds(register: Register, quantities: Mapping[str, Quantity], limits: CheckLimits) -> SensorBounds:
    """Return the bounds of every sensor; a sensor without a level gets bounds that nothing exceeds."""
    sensors = register.sensors
    kinds = [quantities[sensor.quantity] for sensor in sensors]
    span = np.array([kind.high - kind.low for kind in kinds], np.float64)
    stale_s = np.array([sensor.stale_after_s for sensor in sensors], np.float64)
    cadence_s = np.array([sensor.cadence_s for sensor in sensors], np.float64)
    rate = np.array([kind.max_rate for kind in kinds], np.float64)
    flat_ns, rest_ns = (
        np.round(cadence_s * n * SECOND_NS).astype(np.int64) for n in (limits.flat_readings, limits.rest_readings)
    )
    beats = {sensor.heartbeat for sensor in sensors}
    has_level = np.array(
        [
            sensor.quantity != _CHARGE and sensor.id not in beats and kind.unit not in _STATES
            for sensor, kind in zip(sensors, kinds, strict=True)
        ],
        np.bool_,
    )
    floor = np.where(has_level, span * limits.spike_floor, np.inf)
    return SensorBounds(
        rate=np.where(has_level, rate, np.inf),
        floor=floor,
        same=span * _SAME,
        gap_ns=np.round(stale_s * SECOND_NS).astype(np.int64),
        flat_ns=np.where(has_level, flat_ns, _NEVER_FLAT_NS),
        rest_ns=np.where(has_level, rest_ns, _NEVER_FLAT_NS),
        low=np.array([kind.low for kind in kinds], np.float64),
        high=np.array([kind.high for kind in kinds], np.float64),
        is_measured=np.isfinite(floor),
    )


def make_late_ns(register: Register, intake: IntakeSettings) -> NDArray[np.int64]:
    """Return int64[n_sensors + 1], the age from which on readings are late; the last row stands for no sensor.

    A reading is of now for as long as the stale time of its sensor, or the intake, says.
    """
    late_s = [*(max(intake.late_after_s, each.stale_after_s) for each in register.sensors), intake.late_after_s]
    return np.array([round(each * SECOND_NS) for each in late_s], np.int64)

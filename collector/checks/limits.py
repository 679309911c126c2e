"""The numbers of the checks, with the reason of each.

Comes in: nothing. Goes out: `CheckLimits`. Refuses to know sensors.
"""

from dataclasses import dataclass


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
    """Equal readings, and cadences, that are never flat; chosen on clean recordings of six kinds: from 8 to 15 the
    same runs are flagged, all of them of sources that had stopped (docs/quality.md)."""
    rest_readings: int = 30
    """The same at rest: zero, or an end of the quantity's range; assumed: a pump may stand for half an hour."""
    flat_ratio: float = 4.0
    """Flat is this many times longer than the sensor's longest run of equal readings; assumed."""
    flat_changes: int = 100
    """A sensor is judged for flatness after this many changes; assumed: by then its usual runs are known."""
    flat_lesson: float = 2.0
    """A flat run teaches at most this many times the longest before it, except at rest; assumed: a second fault is
    found nearly as soon as the first, and a sensor that has become steadier is flagged some three times."""
    flat_forget: float = 0.999
    """What is kept of the longest run at each change; assumed: half of it is forgotten after 700 runs."""
    recent_readings: float = 96.0
    """Memory of how much a sensor moves now, readings; chosen on the river sensors: a day at four an hour."""
    usual_readings: float = 3000.0
    """Memory of how much it usually moves, readings; as `slow_readings`."""
    quiet_readings: float = 30_000.0
    """The same while it is quiet; assumed: a fault becomes normal ten times slower than anything else."""
    neighbour_learn: int = 1000
    """A sensor is compared with its neighbours, and they with it, after so many readings; assumed: ten days at 96."""
    quiet_share: float = 0.1
    """Quiet is moving less than this share of one's own usual, and of what the quietest neighbour moves of its."""
    moving_share: float = 0.5
    """Each neighbour moves at least this share of its usual; both shares were chosen on the river sensors."""
    quiet_hold_ns: int = 86_400 * 1_000_000_000
    """Quiet for so long is told; assumed: a day, so that a pump that rests at night is not called faulty."""

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
    flat_readings: int = 30
    """Equal readings, and cadences, that are never flat; assumed: a minute at 2 s, a night at a quarter of an hour."""
    flat_ratio: float = 4.0
    """Flat is this many times longer than the sensor's longest run of equal readings; assumed."""
    flat_changes: int = 100
    """A sensor is judged for flatness after this many changes; assumed: by then its usual runs are known."""
    flat_forget: float = 0.999
    """What is kept of the longest run at each change; assumed: half of it is forgotten after 700 runs."""

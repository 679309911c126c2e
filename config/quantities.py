"""The catalogue of measured quantities: canonical unit, valid range and maximum rate.

Comes in: rows checked by `config.loading` from `quantities.yaml`. Goes out: `Quantity`. Refuses to know sensors.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quantity:
    """What is measured, in which unit, and what a working instrument can say at all."""

    name: str
    zh: str
    en: str
    unit: str
    """Canonical unit of every stored value."""
    low: float
    """Lowest value a working instrument reports, canonical unit."""
    high: float
    """Highest value a working instrument reports, canonical unit."""
    max_rate: float
    """Largest believable change, canonical unit per second; inf when none is known."""
    decimals: int
    """Digits after the point in messages for people."""
    accepts: Mapping[str, tuple[float, float]]
    """Other unit to (scale, offset): canonical = value * scale + offset."""
    source: str
    """Where the numbers come from: a standard's clause, `assumed`, or `unverified`."""

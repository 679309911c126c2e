"""The catalogue of measured quantities: canonical unit, valid range and maximum rate.

Input: rows of `quantities.yaml`, checked by `config.loading`.
Output: `Quantity`.
Not responsible for: sensors.
Rejects: units that do not belong to the quantity.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

Conversion = tuple[float, float]
"""(scale, offset): wanted value = value * scale + offset."""

ONLINE = "online"
"""The quantity that a device, or whoever watches its connection, says: 1 it is there, 0 it has gone."""

_OWN_LEL = re.compile(r"%LEL@([0-9]+(?:\.[0-9]+)?)")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A measured quantity, its unit, and the range of a working instrument."""

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
    accepts: Mapping[str, Conversion]
    """Other unit to (scale, offset): canonical = value * scale + offset."""
    source: str
    """Where the numbers come from: a standard's clause, `assumed`, or `unverified`."""
    lel_vol: float | None = None
    """Of a gas in %LEL: 100 %LEL in percent by volume."""

    def conversion(self, unit: str) -> Conversion | None:
        """Return how a value in `unit` becomes canonical; None when the unit measures something else.

        `%LEL@4.4` is the percent of a device with a lower explosive limit of 4.4 percent by volume. A limit below half
        or above twice the limit of the quantity belongs to another gas.
        """
        own = _OWN_LEL.fullmatch(unit)
        if own is None or self.lel_vol is None:
            return self.accepts.get(unit)
        share = float(own[1]) / self.lel_vol
        return (share, 0.0) if 0.5 <= share <= 2.0 else None

"""Change per time: the unit of a slope, and its dangerous direction.

Input: a quantity, a unit of time, a direction.
Output: the quantity of a slope, and slopes with the sign by which more is worse.
Not responsible for: how a slope is found.
Rejects: nothing.
"""

import dataclasses
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from config.quantities import Quantity


class Per(StrEnum):
    """The unit of time of a slope."""

    SECOND = "s"
    MINUTE = "min"
    HOUR = "h"
    DAY = "day"

    @property
    def seconds(self) -> float:
        """Length of the unit, seconds."""
        return {"s": 1.0, "min": 60.0, "h": 3600.0, "day": 86_400.0}[self.value]

    @property
    def more_decimals(self) -> int:
        """Number of decimals of a slope beyond those of its quantity: the shorter the unit, the smaller the slope."""
        return {"s": 3, "min": 2, "h": 1, "day": 1}[self.value]


class Direction(StrEnum):
    """The dangerous direction."""

    FALL = "fall"
    RISE = "rise"
    EITHER = "either"


_WORDS = {
    Direction.FALL: ("{zh}下降速度", "fall of {en}"),
    Direction.RISE: ("{zh}上升速度", "rise of {en}"),
    Direction.EITHER: ("{zh}变化速度", "change of {en}"),
}


def slope_of(quantity: Quantity, per: Per, direction: Direction) -> Quantity:
    """Return the quantity of a slope of `quantity`: 0 to its largest credible rate, in its unit per time."""
    zh, en = _WORDS[direction]
    return dataclasses.replace(
        quantity,
        name=f"{quantity.name}_{direction}",
        zh=zh.format(zh=quantity.zh),
        en=en.format(en=quantity.en),
        unit=f"{quantity.unit}/{per}",
        low=0.0,
        high=quantity.max_rate * per.seconds,
        max_rate=np.inf,
        decimals=quantity.decimals + per.more_decimals,
        accepts={},
    )


def directions(of: list[Direction]) -> NDArray[np.int8]:
    """Return int8[n]: 1 where rising is dangerous, -1 falling, 0 either."""
    sign = {Direction.FALL: -1, Direction.RISE: 1, Direction.EITHER: 0}
    return np.array([sign[each] for each in of], np.int8)


def towards(slope: NDArray[np.float64], direction: NDArray[np.int8]) -> NDArray[np.float64]:
    """Return float64[n]: slopes with the sign by which more is worse.

    Args:
        slope: float64[n], positive where the value rises.
        direction: int8[n], as from `directions`.
    """
    # Adding 0 makes the -0.0 of a constant value 0.0.
    return np.where(direction == 0, np.abs(slope), slope * direction) + 0.0

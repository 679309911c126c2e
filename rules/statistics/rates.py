"""Change per time: in which unit it is told, and which direction of it is the danger.

Comes in: a quantity, a unit of time, a direction. Goes out: the quantity that a slope is, and slopes turned so that
more is worse. Refuses to know how a slope is found.
"""

import dataclasses
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from config.quantities import Quantity


class Per(StrEnum):
    """The time that a slope is told in."""

    SECOND = "s"
    MINUTE = "min"
    HOUR = "h"
    DAY = "day"

    @property
    def seconds(self) -> float:
        """How long it is, seconds."""
        return {"s": 1.0, "min": 60.0, "h": 3600.0, "day": 86_400.0}[self.value]

    @property
    def more_decimals(self) -> int:
        """How many digits more than its quantity a slope is told with: the shorter the time, the smaller it is."""
        return {"s": 3, "min": 2, "h": 1, "day": 1}[self.value]


class Direction(StrEnum):
    """Which way is dangerous."""

    FALL = "fall"
    RISE = "rise"
    EITHER = "either"


_WORDS = {
    Direction.FALL: ("{zh}下降速度", "fall of {en}"),
    Direction.RISE: ("{zh}上升速度", "rise of {en}"),
    Direction.EITHER: ("{zh}变化速度", "change of {en}"),
}


def slope_of(quantity: Quantity, per: Per, direction: Direction) -> Quantity:
    """Return what a slope of `quantity` is: 0 to its largest believable rate, in its unit per time."""
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
    """Return float64[n]: slopes turned so that more is worse.

    Args:
        slope: float64[n], positive where the value rises.
        direction: int8[n], as from `directions`.
    """
    # Adding 0 turns the -0.0 of a value that stands still into 0.0.
    return np.where(direction == 0, np.abs(slope), slope * direction) + 0.0

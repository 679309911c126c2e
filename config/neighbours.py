"""Comparable sensors: the same quantity at the next asset along a pipe or over a span.

Input: the register.
Output: columns, computed once for all sensors, for rules that compare a place with its surroundings.
Not responsible for: readings.
Rejects: nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.register import Register


@dataclass(frozen=True, slots=True)
class NeighbourSensors:
    """The neighbours of sensor i stand at `start[i]` to before `start[i + 1]`, nearest first, then by number.

    Attributes:
        start: intp[n_sensors + 1].
        sensor: intp[n_pairs], dense numbers; each pair stands at both of its ends.
        distance_m: float64[n_pairs], way along the pipe or the span, metres.
    """

    start: NDArray[np.intp]
    sensor: NDArray[np.intp]
    distance_m: NDArray[np.float64]

    def of(self, sensor: int) -> NDArray[np.intp]:
        """Return intp[k]: the neighbours of `sensor`."""
        return self.sensor[self.start[sensor] : self.start[sensor + 1]]

    def pairs(self, sensors: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return (place in `sensors`, place in `sensor`) of every neighbour of `sensors`, intp[k] each.

        So a rule of n sensors weighs all their neighbours at once:
        `np.bincount(place, weights=value[neighbours.sensor[pair]], minlength=n)`.
        """
        first, last = self.start[sensors], self.start[sensors + 1]
        return _expanded(first, last)


def neighbour_sensors(register: Register, quantities: Collection[str] | None = None) -> NeighbourSensors:
    """Return the neighbours of every sensor of `register`.

    Args:
        register: sensors, and which assets are neighbours.
        quantities: only sensors of these have neighbours; None means all.
    """
    asset, quantity = _owners(register, quantities)
    edges = _edges(register)
    # Sensors sorted by what makes two of them alike; those of one asset and quantity are then one stretch.
    key = asset * (quantity.max(initial=0) + 1) + quantity
    known = np.flatnonzero(quantity >= 0)
    sorted_sensors = known[np.argsort(key[known], kind="stable")]
    sorted_keys = key[sorted_sensors]
    mine, edge = _expanded(edges.start[asset[known]], edges.start[asset[known] + 1])
    mine = known[mine]
    wanted = edges.other[edge] * (quantity.max(initial=0) + 1) + quantity[mine]
    place, at = _expanded(np.searchsorted(sorted_keys, wanted), np.searchsorted(sorted_keys, wanted, side="right"))
    mine, other, distance_m = mine[place], sorted_sensors[at], edges.distance_m[edge][place]
    order = np.lexsort((other, distance_m, mine))
    start = np.zeros(len(register.sensors) + 1, np.intp)
    np.cumsum(np.bincount(mine, minlength=len(register.sensors)), out=start[1:])
    return NeighbourSensors(start, other[order], distance_m[order])


@dataclass(frozen=True, slots=True)
class _Edges:
    """The neighbours of asset i stand at `start[i]` to before `start[i + 1]`."""

    start: NDArray[np.intp]
    other: NDArray[np.intp]
    distance_m: NDArray[np.float64]


def _edges(register: Register) -> _Edges:
    numbers = {asset: number for number, asset in enumerate(register.assets)}
    found = [register.neighbours.get(asset, ()) for asset in register.assets]
    start = np.zeros(len(found) + 1, np.intp)
    np.cumsum([len(each) for each in found], out=start[1:])
    return _Edges(
        start,
        np.array([numbers[neighbour.asset] for each in found for neighbour in each], np.intp),
        np.array([neighbour.distance_m for each in found for neighbour in each], np.float64),
    )


def _owners(register: Register, quantities: Collection[str] | None) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the number of each sensor's asset and of its quantity, -1 where it is not asked for."""
    assets = {asset: number for number, asset in enumerate(register.assets)}
    names = {each.quantity for each in register.sensors} if quantities is None else set(quantities)
    codes = {name: code for code, name in enumerate(sorted(names))}
    asset = np.array([assets[each.asset] for each in register.sensors], np.intp)
    return asset, np.array([codes.get(each.quantity, -1) for each in register.sensors], np.intp)


def _expanded(first: NDArray[np.intp], last: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return for each row i the numbers `first[i]` to before `last[i]`: (i repeated, numbers)."""
    lengths = last - first
    row = np.repeat(np.arange(len(first)), lengths)
    within = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return row, first[row] + within

"""Neighbours of an asset: within steps or metres along the register's neighbours, or metres through the air.

Input: the register.
Output: assets with their distances.
Not responsible for: sensors and rules.
Rejects: nothing.
"""

import heapq
import math
from collections.abc import Iterator, Mapping

from config.register import Asset, Register

_EARTH_M = 6_371_008.8
"""Mean radius. Source: IUGG 1980."""


def within_hops(register: Register, asset: str, hops: int) -> tuple[str, ...]:
    """Return the other assets at most `hops` steps away along neighbours, nearest first."""
    reached, edge = {asset}, [asset]
    found: list[str] = []
    for _ in range(hops):
        following = [each.asset for name in edge for each in register.neighbours.get(name, ())]
        edge = [name for name in dict.fromkeys(following) if name not in reached]
        reached |= set(edge)
        found += edge
    return tuple(found)


def along_m(register: Register, asset: str, limit_m: float) -> Mapping[str, float]:
    """Return the distance along neighbours to every asset at most `limit_m` away, itself with 0; metres."""
    ways: dict[str, float] = {}
    waiting = [(0.0, asset)]
    while waiting:
        way_m, name = heapq.heappop(waiting)
        if name in ways:
            continue
        ways[name] = way_m
        for each in register.neighbours.get(name, ()):
            if each.asset not in ways and way_m + each.distance_m <= limit_m:
                heapq.heappush(waiting, (way_m + each.distance_m, each.asset))
    return ways


class Places:
    """Assets sorted into squares, so that the cost of a search depends on the near assets only."""

    def __init__(self, assets: Mapping[str, Asset], limit_m: float) -> None:
        """Sort `assets` for searches within `limit_m` metres."""
        self._limit_m = limit_m
        self._step = math.degrees(limit_m / _EARTH_M)
        self._squares: dict[tuple[int, int], list[Asset]] = {}
        for each in assets.values():
            self._squares.setdefault(self._square(each), []).append(each)

    def around(self, asset: Asset) -> Mapping[str, float]:
        """Return the distance to every asset at most `limit_m` away, itself with 0; metres."""
        distances = ((each.id, distance_m(asset, each)) for each in self._near(asset))
        return {name: distance for name, distance in distances if distance <= self._limit_m}

    def _square(self, asset: Asset) -> tuple[int, int]:
        return math.floor(asset.latitude / self._step), math.floor(asset.longitude / self._step)

    def _near(self, asset: Asset) -> Iterator[Asset]:
        row, column = self._square(asset)
        # Meridians converge: a square of longitude is narrower than one of latitude.
        wide = math.ceil(1 / max(math.cos(math.radians(asset.latitude)), 0.1))
        for i in range(row - 1, row + 2):
            for j in range(column - wide, column + wide + 1):
                yield from self._squares.get((i, j), ())


def distance_m(one: Asset, other: Asset) -> float:
    """Return the great-circle distance, metres (haversine)."""
    here, there = math.radians(one.latitude), math.radians(other.latitude)
    east = math.radians(other.longitude - one.longitude) / 2
    part = math.sin((there - here) / 2) ** 2 + math.cos(here) * math.cos(there) * math.sin(east) ** 2
    return 2 * _EARTH_M * math.asin(math.sqrt(part))

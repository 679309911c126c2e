"""The voters of each sensor of a rule: other sensors of the rule at assets near its own.

Input: sensors of rules, the range of each rule, the register.
Output: for each binding the bindings near it.
Not responsible for: alarms.
Rejects: nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from config.register import Register
from rules.neighbourhood import Places, along_m, within_hops


@dataclass(frozen=True, slots=True)
class VotingRange:
    """The distance within which sensors vote; one of the three."""

    hops: int | None
    along_m: float | None
    around_m: float | None


def voters_of(
    sensors: Sequence[Sequence[int]], reach: Sequence[VotingRange], register: Register
) -> Sequence[tuple[int, ...]]:
    """Return for each binding, rule by rule, the other bindings of its rule near it, ascending.

    Args:
        sensors: of each rule, dense numbers.
        reach: of each rule.
        register: assets, their neighbours and coordinates.
    """
    near: list[tuple[int, ...]] = []
    for numbers, each in zip(sensors, reach, strict=True):
        near += _voters_of_rule(numbers, _finder(each, register), register, len(near))
    return near


def _voters_of_rule(
    numbers: Sequence[int], assets_near: Callable[[str], Iterable[str]], register: Register, first: int
) -> list[tuple[int, ...]]:
    at_asset: dict[str, list[int]] = defaultdict(list)
    for i, number in enumerate(numbers):
        at_asset[register.sensors[number].asset].append(first + i)
    around = {asset: sorted(b for name in assets_near(asset) for b in at_asset.get(name, ())) for asset in at_asset}
    return [
        tuple(b for b in around[register.sensors[number].asset] if b != first + i) for i, number in enumerate(numbers)
    ]


def _finder(reach: VotingRange, register: Register) -> Callable[[str], Iterable[str]]:
    """Return the function that finds the assets near an asset, itself included."""
    if reach.hops is not None:
        hops = reach.hops
        return lambda asset: (asset, *within_hops(register, asset, hops))
    if reach.along_m is not None:
        limit_m = reach.along_m
        return lambda asset: along_m(register, asset, limit_m)
    places = Places(register.assets, reach.around_m or 1.0)
    return lambda asset: places.around(register.assets[asset])

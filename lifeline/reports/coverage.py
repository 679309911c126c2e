"""The sensor coverage of the city: sensors alive, blind and never seen, by asset, street and domain.

Input: the register and the health of its sensors.
Output: counts.
Not responsible for: alarms, files and HTML.
Rejects: nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from config.register import RegionKind, Register
from lifeline.rules_stage.live_state import ALIVE, BLIND, UNSEEN


class Grouping(StrEnum):
    """The groups of the counts."""

    DOMAIN = "domain"
    STREET = "street"
    ASSET = "asset"


@dataclass(frozen=True, slots=True)
class CoverageCount:
    """The sensors of one domain, street or asset, or of the whole city."""

    id: str
    """Domain, region or asset; empty for assets that stand in no street, and for the whole."""
    name_zh: str
    name_en: str
    alive: int
    blind: int
    """Heard once and silent now."""
    unseen: int
    """Never heard."""
    assets: int
    assets_alive: int
    """Assets with sensors, every one of them alive."""

    @property
    def sensors(self) -> int:
        """Number of registered sensors."""
        return self.alive + self.blind + self.unseen

    @property
    def share(self) -> float:
        """Share of the assets that are heard with every sensor, 0 to 1; 0 where there is none."""
        return self.assets_alive / self.assets if self.assets else 0.0


def count_coverage(register: Register, health: NDArray[np.uint8], by: Grouping) -> list[CoverageCount]:
    """Return the coverage of each group that has assets, the least covered first.

    Args:
        register: assets, regions and sensors.
        health: uint8[n_sensors], `lifeline.rules_stage.live_state` values.
        by: kind of the groups.
    """
    groups = _group_assets(register, by)
    names = sorted(set(groups.values()))
    numbers = {name: number for number, name in enumerate(names)}
    counts = _count_sensors(register, health, [numbers[groups[asset]] for asset in register.assets], len(names))
    rows = [
        CoverageCount(name, *_find_titles(register, name, by), *map(int, counts[:, i])) for i, name in enumerate(names)
    ]
    return sorted(rows, key=lambda row: (row.alive / row.sensors if row.sensors else 0.0, row.id))


def count_whole_city(register: Register, health: NDArray[np.uint8]) -> CoverageCount:
    """Return the coverage of everything together."""
    counts = _count_sensors(register, health, [0] * len(register.assets), 1)
    return CoverageCount("", "合计", "all", *map(int, counts[:, 0]))


def format_coverage(rows: Sequence[CoverageCount]) -> Iterator[str]:
    """Yield `rows` as a table for a terminal."""
    yield f"{'alive':>8}{'blind':>8}{'never':>8}{'assets':>8}{'covered':>9}  what"
    for row in rows:
        what = f"{row.id} {row.name_zh} / {row.name_en}".strip()
        yield f"{row.alive:8}{row.blind:8}{row.unseen:8}{row.assets:8}{row.share:9.1%}  {what}"


def _count_sensors(
    register: Register, health: NDArray[np.uint8], group_of_asset: Sequence[int], n_groups: int
) -> NDArray[np.int64]:
    """Return int64[5, n_groups]: alive, blind, unseen, assets, assets alive."""
    asset_numbers = {asset: number for number, asset in enumerate(register.assets)}
    group = np.array(group_of_asset, np.intp)
    owner = np.array([asset_numbers[sensor.asset] for sensor in register.sensors], np.intp)
    n_assets = len(register.assets)
    of_sensor = [np.bincount(group[owner[health == each]], minlength=n_groups) for each in (ALIVE, BLIND, UNSEEN)]
    sensors = np.bincount(owner, minlength=n_assets)
    alive = np.bincount(owner[health == ALIVE], minlength=n_assets)
    is_alive = (sensors > 0) & (alive == sensors)
    assets = np.bincount(group, minlength=n_groups)
    return np.stack([*of_sensor, assets, np.bincount(group[is_alive], minlength=n_groups)]).astype(np.int64)


def _group_assets(register: Register, by: Grouping) -> Mapping[str, str]:
    """Return the group of each asset."""
    if by is Grouping.ASSET:
        return {asset: asset for asset in register.assets}
    if by is Grouping.DOMAIN:
        return {asset.id: asset.domain for asset in register.assets.values()}
    streets: dict[str, str] = {}
    return {asset.id: _find_street(register, asset.region, streets) for asset in register.assets.values()}


def _find_street(register: Register, region: str, streets: dict[str, str]) -> str:
    """Return the street that `region` lies in, remembered in `streets`; empty where it lies in none."""
    if region not in streets:
        place = register.regions.get(region)
        while place is not None and place.kind is not RegionKind.STREET:
            place = register.regions.get(place.parent)
        streets[region] = place.id if place is not None else ""
    return streets[region]


def _find_titles(register: Register, name: str, by: Grouping) -> tuple[str, str]:
    if by is Grouping.DOMAIN:
        return name, name
    named = register.assets.get(name) if by is Grouping.ASSET else register.regions.get(name)
    return (named.name_zh, named.name_en) if named else ("", "")

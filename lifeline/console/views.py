"""What the overview shows: each asset's hazard level and, beside it and never mixed with it, the health of its data.

Comes in: the register, alarm keys and a `Board` published by the rules stage. Goes out: frozen rows.
Refuses to know HTML.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from config.levels import WarningLevel
from config.register import Asset, Register
from lifeline.board import ALIVE, BLIND, Board
from rules.events import AlarmKey, Dimension

HealthKey = Literal["ok", "partial", "blind", "unprotected"]


@dataclass(frozen=True, slots=True)
class AssetRow:
    """One asset on the overview."""

    asset: Asset
    level: WarningLevel | None
    """Highest active hazard, green when none is active; None when nothing was ever heard: no news is not good news."""
    alive: int
    blind: int
    unseen: int
    watched: bool
    """False when no hazard rule looks at any of its sensors."""

    @property
    def sensors(self) -> int:
        """Number of registered sensors."""
        return self.alive + self.blind + self.unseen

    @property
    def health(self) -> HealthKey:
        """`ok` all heard, `partial` some not, `blind` none any more, `unprotected` none ever."""
        if self.unseen == self.sensors:
            return "unprotected"
        if self.alive == 0:
            return "blind"
        return "ok" if self.alive == self.sensors else "partial"


def asset_rows(register: Register, alarms: Sequence[AlarmKey], board: Board) -> list[AssetRow]:
    """Return a row for each asset: highest level first, then worst health, then the order of the register."""
    levels, watched = _hazards(register, alarms, board)
    seats: dict[str, list[int]] = defaultdict(list)
    for number, sensor in enumerate(register.sensors):
        seats[sensor.asset].append(int(board.health[number]))
    rows = [_row(asset, levels, seats[asset.id], watched=asset.id in watched) for asset in register.assets.values()]
    worst = {"unprotected": 0, "blind": 1, "partial": 2, "ok": 3}
    return sorted(rows, key=lambda row: (-(row.level or WarningLevel.GREEN), worst[row.health]))


def level_counts(rows: Iterable[AssetRow]) -> Mapping[WarningLevel | None, int]:
    """Return how many assets stand at each level, highest first, assets without a level (None) last."""
    counts: dict[WarningLevel | None, int] = dict.fromkeys(reversed(WarningLevel), 0)
    counts[None] = 0
    for row in rows:
        counts[row.level] += 1
    return counts


def _hazards(
    register: Register, alarms: Sequence[AlarmKey], board: Board
) -> tuple[dict[str, WarningLevel], frozenset[str]]:
    levels: dict[str, WarningLevel] = {}
    watched: set[str] = set()
    for number, alarm in enumerate(alarms):
        if alarm.dimension is not Dimension.HAZARD:
            continue
        asset = register.sensors[alarm.sensor].asset
        watched.add(asset)
        level = int(board.levels[number])
        if level:
            levels[asset] = max(levels.get(asset, WarningLevel.GREEN), WarningLevel(level))
    return levels, frozenset(watched)


def _row(asset: Asset, levels: Mapping[str, WarningLevel], health: Sequence[int], *, watched: bool) -> AssetRow:
    alive, blind = health.count(ALIVE), health.count(BLIND)
    heard = alive + blind > 0
    level = levels.get(asset.id, WarningLevel.GREEN if heard and watched else None)
    return AssetRow(asset, level, alive, blind, len(health) - alive - blind, watched)

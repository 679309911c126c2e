"""The rows of the overview: the hazard level of each asset, and beside it the health of its data.

Input: the register, alarm keys and the `LiveState` of the rules stage.
Output: frozen rows. Level and health are never mixed.
Not responsible for: HTML.
Rejects: nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from config.levels import WarningLevel
from config.register import Asset, Register
from lifeline.rules_stage.live_state import ALIVE, BLIND, UNSEEN, LiveState
from rules.events import AlarmKey, Dimension
from rules.risk import ActiveAlarm, Risk, listed_level, risk_of

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
    is_last_known: bool
    """No sensor of a hazard rule sends now: the level is the last one before they fell silent."""
    health: HealthKey
    """Of the sensors of hazard rules, else of all. `ok`: all send; `blind`: none sends any more; `unprotected`: none
    ever sent. `partial`: any sensor has fallen silent, or a watched sensor never sent."""
    risk: Risk
    """The level of the asset as a whole with its reasons; it is never below `level`."""

    @property
    def sensors(self) -> int:
        """Number of registered sensors."""
        return self.alive + self.blind + self.unseen


def list_asset_rows(register: Register, alarms: Sequence[AlarmKey], live_state: LiveState) -> list[AssetRow]:
    """Return a row for each asset: highest level first, then worst health, then the order of the register."""
    hazards = _group_hazards(register, alarms, live_state)
    health: dict[str, list[int]] = defaultdict(list)
    for number, sensor in enumerate(register.sensors):
        health[sensor.asset].append(int(live_state.health[number]))
    nothing = _Hazard()
    rows = [_make_row(asset, hazards.get(asset.id, nothing), health[asset.id]) for asset in register.assets.values()]
    worst = {"unprotected": 0, "blind": 1, "partial": 2, "ok": 3}
    return sorted(rows, key=lambda row: (-(row.level or WarningLevel.GREEN), worst[row.health]))


def count_levels(rows: Iterable[AssetRow]) -> Mapping[WarningLevel | None, int]:
    """Return how many assets stand at each level, highest first; None, last, are those of which nothing is known now.

    A danger that has fallen silent is still counted as a danger; a green that has is not counted as green.
    """
    counts: dict[WarningLevel | None, int] = dict.fromkeys(reversed(WarningLevel), 0)
    counts[None] = 0
    for row in rows:
        is_unknown = row.is_last_known and row.level is WarningLevel.GREEN
        counts[None if is_unknown else row.level] += 1
    return counts


@dataclass(slots=True)
class _Hazard:
    """The result of the hazard rules for one asset."""

    level: WarningLevel = WarningLevel.GREEN
    health: list[int] = field(default_factory=list)
    """Health of each sensor that they look at."""
    heard: set[int] = field(default_factory=set)
    """Which of these sensors were ever heard: several rules may look at one."""
    standing: list[ActiveAlarm] = field(default_factory=list)


def _group_hazards(register: Register, alarms: Sequence[AlarmKey], live_state: LiveState) -> Mapping[str, _Hazard]:
    hazards: dict[str, _Hazard] = defaultdict(_Hazard)
    for number, alarm in enumerate(alarms):
        if alarm.dimension is not Dimension.HAZARD:
            continue
        hazard = hazards[register.sensors[alarm.sensor].asset]
        hazard.health.append(int(live_state.health[alarm.sensor]))
        if live_state.health[alarm.sensor] != UNSEEN:
            hazard.heard.add(alarm.sensor)
        level = int(live_state.levels[number])
        if level:
            hazard.level = max(hazard.level, WarningLevel(level))
            is_blind = int(live_state.health[alarm.sensor]) != ALIVE
            device = register.sensors[alarm.sensor].device
            hazard.standing.append(ActiveAlarm(alarm.rule, device, WarningLevel(level), is_blind))
    return hazards


def _make_row(asset: Asset, hazard: _Hazard, health: Sequence[int]) -> AssetRow:
    alive, blind = health.count(ALIVE), health.count(BLIND)
    is_heard = any(each != UNSEEN for each in hazard.health)
    level = hazard.level if is_heard or hazard.level > WarningLevel.GREEN else None
    is_last_known = level is not None and ALIVE not in hazard.health
    return AssetRow(
        asset=asset,
        level=level,
        alive=alive,
        blind=blind,
        unseen=len(health) - alive - blind,
        watched=bool(hazard.health),
        is_last_known=is_last_known,
        health=_choose_health_key(hazard.health or health, blind),
        risk=risk_of(hazard.standing, len(hazard.heard), listed_level(asset)),
    )


def _choose_health_key(watched: Sequence[int], blind: int) -> HealthKey:
    if all(each == UNSEEN for each in watched):
        return "unprotected"
    if ALIVE not in watched:
        return "blind"
    return "partial" if blind or UNSEEN in watched else "ok"

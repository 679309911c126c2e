"""Zones of a rule: sensors that predict each other, and the options of kinds with a zone model.

Input: options as they are written, bound rules, the register.
Output: zones as lists of bindings.
Not responsible for: values.
Rejects: options outside their ranges.
"""

import hashlib
import typing
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from config.register import Register
from config.time_units import SECOND_NS
from rules.kind import BoundRule

MOST_MEMBERS = 64
"""Sensors of a zone; a larger one is cut into equal parts in the order of the register."""
FEWEST_MEMBERS = 3
"""Of two sensors either may be wrong."""


class By(StrEnum):
    """The property by which the sensors of a rule form zones."""

    REGION = "region"
    """The same region of the register."""
    PIPES = "pipes"
    """Connected by neighbours, at any distance."""
    ALL = "all"
    """All of them: `where` lists the assets."""


class Calls(StrEnum):
    """Which sensors of a zone are in alarm when it departs."""

    LEADER = "leader"
    """The sensor that departs most, for the whole zone."""
    EACH = "each"
    """Each sensor that departs."""


class Toward(StrEnum):
    """The dangerous departures."""

    BOTH = "both"
    HIGH = "high"
    LOW = "low"


class ZoneOptions(BaseModel):
    """The prediction of the sensors of a zone from each other."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    by: By = By.REGION
    """Which sensors belong together."""
    step_s: float = Field(default=1800.0, ge=1, le=86_400)
    """A row of the model is the mean of each sensor's readings in a step of this length. Source: rows of 30 min of
    pressures of a water network found most leaks with fewest false alarms; assumed for others."""
    fresh_s: float | None = Field(default=None, gt=0, le=7 * 86_400)
    """A sensor without a reading in a step keeps its last value while it is no older; by default two steps."""
    warm_up_rows: int = Field(default=336, ge=20, le=100_000)
    """Rows before anything is judged; assumed: a week of half hours has every hour and every day in it."""
    refit_rows: int = Field(default=48, ge=1, le=100_000)
    """The model is fitted again after so many rows; assumed: a day."""
    memory_rows: int = Field(default=1440, ge=100, le=1_000_000)
    """Rows fade from memory over about so many; assumed: a month."""
    ridge: float = Field(default=0.01, gt=0, le=10)
    """Added to the diagonal of the correlations, so that no sensor is predicted by fine differences; assumed."""
    slack: float = Field(default=1.0, ge=0, le=10)
    """Sigma that each row subtracts from the sum. Source: half of the smallest shift to find is the usual choice (Page
    1954; ISO 7870-4:2021), so this is for shifts of two sigma. With less, slow errors of the model add up. In a
    simulated year of a water network 0.5 made twice as many false alarms."""
    confirm_at: float = Field(default=20.0, gt=0, le=1e6)
    """Another sensor with at least this sum confirms a shift; assumed."""
    confirmed_by: int = Field(default=1, ge=1, le=MOST_MEMBERS - 1)
    """Number of other sensors that must confirm a danger; with fewer it is a device fault."""
    alone_at: float = Field(default=12.0, gt=0, le=1e6)
    """Sigma of a row. A sensor that departs so far, and `alone_ratio` times as far as any other of its zone, departs
    alone in that row: a real event this large shows at more than one sensor. Such a row adds nothing to a danger, and
    its departure to `residual_fault`. Source: events of a pump moved one channel alone by up to 12 sigma before the
    others followed; assumed for others."""
    alone_ratio: float = Field(default=4.0, gt=1, le=1e6)
    """Source: as `alone_at`."""
    calls: Calls = Calls.LEADER
    """The sensors in alarm when the zone departs. Source: with `each`, many alarms of a simulated year were of
    distant sensors while a leak ran."""
    toward: Toward = Toward.BOTH
    """Departures of this sign are a danger; others are learned without an alarm. Pressure falls at a leak, and rises
    after the repair."""
    rebaseline_s: float = Field(default=3 * 86_400.0, gt=0, le=366 * 86_400)
    """A shift that lasts so long becomes normal, and its alarm ends; assumed: three days."""

    @property
    def fresh_ns(self) -> int:
        """Largest age of a value that replaces a missing one, nanoseconds."""
        return round((2 * self.step_s if self.fresh_s is None else self.fresh_s) * SECOND_NS)

    @property
    def step_ns(self) -> int:
        """Length of a step, nanoseconds."""
        return round(self.step_s * SECOND_NS)


@dataclass(frozen=True, slots=True)
class Zone:
    """Sensors that predict each other."""

    members: NDArray[np.intp]
    """intp[k], bindings, ascending."""
    options: ZoneOptions
    lowest: float
    """A sensor with this sum or more is shifted."""
    mark: int
    """Changes with the members and the options: the model of other ones is useless."""


def zones_of(
    bound: Sequence[BoundRule],
    register: Register,
    options_of: Callable[[BaseModel], tuple[ZoneOptions, float]],
) -> tuple[Zone, ...]:
    """Return the zones of all rules; `options_of` returns the zone options and the lowest limit of a rule."""
    zones: list[Zone] = []
    first = 0
    for each in bound:
        options, lowest = options_of(each.rule.options)
        groups: dict[str, list[int]] = defaultdict(list)
        name = _zone_names(options.by, register)
        for i, sensor in enumerate(each.rule.sensors):
            groups[name(register.sensors[sensor].asset)].append(first + i)
        ids = {first + i: register.sensors[sensor].id for i, sensor in enumerate(each.rule.sensors)}
        for group in groups.values():
            for part in np.array_split(np.array(group, np.intp), -(-len(group) // MOST_MEMBERS)):
                mark = _mark([ids[int(b)] for b in part], options)
                zones.append(Zone(part, options, lowest, mark))
        first += len(each.rule.sensors)
    return tuple(zones)


def _mark(ids: Sequence[str], options: ZoneOptions) -> int:
    text = "\n".join([options.model_dump_json(), *ids])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "little") + 1


def _zone_names(by: By, register: Register) -> Callable[[str], str]:
    if by is By.REGION:
        return lambda asset: register.assets[asset].region
    names = dict.fromkeys(register.assets, "") if by is By.ALL else _connected_assets(register)
    return lambda asset: names[asset]


def _connected_assets(register: Register) -> typing.Mapping[str, str]:
    """Return for each asset the first asset of the register that it is connected with."""
    names: dict[str, str] = {}
    for start in register.assets:
        waiting = [] if start in names else [start]
        while waiting:
            asset = waiting.pop()
            if asset not in names:
                names[asset] = start
                waiting += [each.asset for each in register.neighbours.get(asset, ())]
    return names

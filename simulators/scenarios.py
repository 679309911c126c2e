"""Scenarios: an event, its asset, its begin and end, and the truth meanwhile.

Input: register, name, start.
Output: `Scenario` with its effects and ground truth.
Not responsible for: configured rules: the expected levels follow from the published limits named below.
Rejects: unknown names, and assets of another kind.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from config.errors import ConfigError, Problem
from config.levels import WarningLevel
from config.register import Register, Sensor
from simulators.faults import FlatZero, Outage, Silence
from simulators.hazards import Loss, Rise
from simulators.trace import Effect
from simulators.truth import Truth, TruthKind

_Row = TypeVar("_Row")

_LIVE_ZERO_MPA = 0.0002
"""Noise of a live pressure instrument at 0 MPa. Assumed: a fifth of its 0.1 % accuracy."""
_LEAK_LEL = 33.0
"""%LEL to which a leak rises: above the 20 of orange, below the 50 of red in the ladder 5/10/20/50 (assumed ladder)."""
_BURST_LEL = 70.0
"""%LEL to which a burst rises: above the 50 of red."""
_OVERLOAD = {"strain": 330.0, "displacement": 55.0}
"""um/m and mm to which an overload rises: above design values of 300 and 50, below 1.2 times these. Assumed."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where and when a scenario plays."""

    scenario: str
    asset: str
    variant: str
    start_ns: int
    end_ns: int

    @property
    def duration_s(self) -> float:
        """Seconds from start to end."""
        return (self.end_ns - self.start_ns) / 1e9


@dataclass(frozen=True, slots=True)
class Scenario:
    """One thing that happens."""

    span: Span
    effects: tuple[Effect, ...]
    truths: tuple[Truth, ...]

    def truth(self) -> Sequence[Truth]:
        """Return the ground truth, one for each sensor that it concerns."""
        return self.truths


@dataclass(frozen=True, slots=True)
class Recipe:
    """One row of the scenario table."""

    asset: str
    """Default asset; of a gateway, any asset that it serves."""
    start_s: float
    """When it starts if all scenarios are played one after the other, seconds."""
    duration_s: float
    kind: TruthKind
    levels: Mapping[str, WarningLevel | None]
    """Variant to the highest level that must be reached, None for a fault. The first variant is the default."""
    effects: Callable[[Sequence[Sensor], Span], tuple[Effect, ...]]
    concerns: Callable[[Register, str], list[Sensor]]
    """Sensors of the devices that it happens to."""


def make_scenario(
    name: str,
    register: Register,
    start_ns: int,
    *,
    duration_s: float | None = None,
    asset: str | None = None,
    variant: str | None = None,
) -> Scenario:
    """Return scenario `name` starting at `start_ns` (UTC nanoseconds); arguments left out come from `SCENARIOS`.

    Raises:
        ConfigError: there is no such scenario, variant or asset, or the asset has no sensor that it could happen to.
    """
    recipe = _pick("scenario", name, SCENARIOS)
    variant = next(iter(recipe.levels)) if variant is None else variant
    level = _pick(f"{name}.variant", variant, recipe.levels)
    asset = recipe.asset if asset is None else asset
    _pick(f"{name}.asset", asset, register.assets)
    lasts_ns = int((recipe.duration_s if duration_s is None else duration_s) * 1e9)
    span = Span(name, asset, variant, start_ns, start_ns + lasts_ns)
    sensors = recipe.concerns(register, asset)
    if not sensors:
        remedy = f"choose an asset like {recipe.asset}"
        raise ConfigError([Problem("simulators", 0, f"{name}.asset", "an asset with such sensors", asset, remedy)])
    truths = tuple(_truth(span, sensor, recipe.kind, level) for sensor in sensors)
    return Scenario(span, recipe.effects(sensors, span), truths)


def whole_script(register: Register, origin_ns: int) -> list[Scenario]:
    """Return every scenario of the table at its own start, counted from `origin_ns`."""
    return [make_scenario(name, register, origin_ns + int(recipe.start_s * 1e9)) for name, recipe in SCENARIOS.items()]


def _pick(path: str, name: str, table: Mapping[str, _Row]) -> _Row:
    if name not in table:
        known = ", ".join(table)
        raise ConfigError([Problem("simulators", 0, path, f"one of {known}", name, "correct the name")])
    return table[name]


def _truth(span: Span, sensor: Sensor, kind: TruthKind, level: WarningLevel | None) -> Truth:
    return Truth(
        scenario=span.scenario,
        asset=sensor.asset,
        sensor=sensor.id,
        kind=kind,
        level="" if level is None else level.key,
        start_ns=span.start_ns,
        end_ns=span.end_ns,
    )


def _measuring(*quantities: str) -> Callable[[Register, str], list[Sensor]]:
    """Return the search for an asset's sensors of these quantities."""
    return lambda register, asset: [
        sensor for sensor in register.sensors if sensor.asset == asset and sensor.quantity in quantities
    ]


def _served_with(register: Register, asset: str) -> list[Sensor]:
    """Return the sensors of one gateway: every measuring sensor in the domain of `asset`."""
    domain = register.assets[asset].domain
    return [
        sensor
        for sensor in register.sensors
        if register.assets[sensor.asset].domain == domain and sensor.quantity not in {"heartbeat", "battery"}
    ]


def _devices(sensors: Sequence[Sensor]) -> frozenset[str]:
    return frozenset(sensor.device for sensor in sensors)


def _loss(sensors: Sequence[Sensor], span: Span, time_constant_s: float) -> tuple[Effect, ...]:
    loss = Loss(
        devices=_devices(sensors),
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        channels=frozenset(sensor.channel for sensor in sensors),
        time_constant_s=time_constant_s,
        return_s=3.0,
        residue=_LIVE_ZERO_MPA,
    )
    return (loss,)


def _sudden_loss(sensors: Sequence[Sensor], span: Span) -> tuple[Effect, ...]:
    return _loss(sensors, span, 0.1)


def _slow_loss(sensors: Sequence[Sensor], span: Span) -> tuple[Effect, ...]:
    # From 0.42 MPa to the 0.02 of orange in 70 % of the time.
    return _loss(sensors, span, 0.23 * span.duration_s)


def _dead(sensors: Sequence[Sensor], span: Span) -> tuple[Effect, ...]:
    devices = _devices(sensors)
    if span.variant == "silent":
        return (Silence(devices, span.start_ns, span.end_ns),)
    channels = frozenset(sensor.channel for sensor in sensors)
    return (FlatZero(devices, span.start_ns, span.end_ns, channels),)


def _outage(sensors: Sequence[Sensor], span: Span) -> tuple[Effect, ...]:
    return (Outage(_devices(sensors), span.start_ns, span.end_ns),)


def _leak(sensors: Sequence[Sensor], span: Span) -> tuple[Effect, ...]:
    top = _BURST_LEL if span.variant == "burst" else _LEAK_LEL
    return _rise(sensors, span, dict.fromkeys((sensor.channel for sensor in sensors), top))


def _overload(sensors: Sequence[Sensor], span: Span) -> tuple[Effect, ...]:
    return _rise(sensors, span, {sensor.channel: _OVERLOAD[sensor.quantity] for sensor in sensors})


def _rise(sensors: Sequence[Sensor], span: Span, tops: Mapping[str, float]) -> tuple[Effect, ...]:
    rise_s = 0.3 * span.duration_s
    return (Rise(_devices(sensors), span.start_ns, span.end_ns, tops, rise_s, return_s=10.0),)


_HAZARD = TruthKind.HAZARD
_FAULT = TruthKind.FAULT
_FIRE_WATER = _measuring("fire_water_pressure")

SCENARIOS: Mapping[str, Recipe] = {
    "zero_pressure": Recipe("T-0001", 20.0, 60.0, _HAZARD, {"sudden": WarningLevel.ORANGE}, _sudden_loss, _FIRE_WATER),
    "slow_loss": Recipe("T-0002", 100.0, 300.0, _HAZARD, {"leak": WarningLevel.ORANGE}, _slow_loss, _FIRE_WATER),
    "dead_terminal": Recipe("T-0003", 420.0, 60.0, _FAULT, {"flat": None, "silent": None}, _dead, _FIRE_WATER),
    "gateway_outage": Recipe("W-0001", 500.0, 60.0, _FAULT, {"uplink": None}, _outage, _served_with),
    "gas_leak": Recipe(
        "G-0001",
        580.0,
        180.0,
        _HAZARD,
        {"leak": WarningLevel.ORANGE, "burst": WarningLevel.RED},
        _leak,
        _measuring("methane"),
    ),
    "bridge_overload": Recipe(
        "B-0001",
        780.0,
        180.0,
        _HAZARD,
        {"overload": WarningLevel.ORANGE},
        _overload,
        _measuring("strain", "displacement"),
    ),
}
"""Name to recipe. Sources: fire water orange at 0.02 MPa or less from a live terminal (the published story of a tower
in Chongqing); methane 5/10/20/50 %LEL and the bridge limits are assumed ladders."""

"""Stories: seven dangers from beginning to end, each with its own small district.

Input: name and seed.
Output: a `Story`: register, simulated district, times.
Not responsible for: rules: the test of a story states the expected warnings.
Rejects: unknown names.

Speeds, heights and durations are assumed where no source is named; each is in the story's own lines.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from config.quantities import Quantity
from config.register import Asset, Contact, Duty, Neighbour, Register, Role, Sensor
from config.time_units import SECOND_NS
from simulators.district import District
from simulators.hazards import Creep, Loss, Offset, Rise
from simulators.scenarios import Scenario, Span
from simulators.trace import Effect

_MINUTE, _HOUR, _DAY = 60 * SECOND_NS, 3600 * SECOND_NS, 86_400 * SECOND_NS
_IN_KPA = frozenset({"fire_water_pressure", "water_main_pressure"})
"""Their instruments send kPa."""
MIDNIGHT_NS = 1_790_006_400 * SECOND_NS
"""A Monday in September, local time."""


@dataclass(frozen=True, slots=True)
class Story:
    """Events, places and times."""

    district: District
    begins_ns: int
    """Everyday life before it."""
    danger_ns: int
    """When the danger begins."""
    ends_ns: int
    failure_ns: int | None = None
    """Time of the damage."""

    @property
    def register(self) -> Register:
        """The sensors, places and people of the story."""
        return self.district.register


@dataclass(frozen=True, slots=True)
class _Plot:
    """A story before its seed is known."""

    register: Register
    begins_ns: int
    danger_ns: int
    ends_ns: int
    effects: tuple[Effect, ...]
    failure_ns: int | None = None


def make_story(name: str, quantities: Mapping[str, Quantity], seed: int) -> Story:
    """Return story `name` of `STORIES`."""
    plot = STORIES[name]()
    asset = next(iter(plot.register.assets))
    scenario = Scenario(Span(name, asset, "story", plot.danger_ns, plot.ends_ns), plot.effects, ())
    district = District(plot.register, quantities, seed, (scenario,))
    return Story(district, plot.begins_ns, plot.danger_ns, plot.ends_ns, plot.failure_ns)


def _fire_water() -> _Plot:
    """Return: a valve is closed by mistake at ten, the standpipe is empty within a second, and open again in 5 min."""
    danger_ns = MIDNIGHT_NS + 10 * _HOUR
    end_ns = danger_ns + 5 * _MINUTE
    register = _places("fire", "residential_tower", {"T-1": ["fire_water_pressure"]}, 2.0)
    loss = Loss(
        frozenset({"T-1.D0"}), danger_ns, end_ns, frozenset({"c0"}), time_constant_s=0.3, return_s=3.0, residue=0.0002
    )
    return _Plot(register, danger_ns - 5 * _MINUTE, danger_ns, end_ns + 5 * _MINUTE, (loss,))


def _septic_methane() -> _Plot:
    """Return: the vent of a tank is blocked at 13:00; gas rises to 60 %LEL in 90 min, and is pumped out in the end."""
    danger_ns = MIDNIGHT_NS + 13 * _HOUR
    end_ns = danger_ns + 150 * _MINUTE
    register = _places("septic", "septic_tank", {"S-1": ["methane"]}, 10.0)
    rise = Rise(frozenset({"S-1.D0"}), danger_ns, end_ns, {"c0": 60.0}, rise_s=5400.0, return_s=1200.0)
    return _Plot(register, danger_ns - 2 * _HOUR, danger_ns, end_ns + 2 * _HOUR, (rise,))


def _bridge_support() -> _Plot:
    """Return: after three days of sun and shade a support sinks within 20 min.

    Two gauges above it gain 30 um/m, as lowering a support of a test bridge did in public records; the third, a span
    away, gains 2. The daily swing by temperature is of the same size.
    """
    danger_ns = MIDNIGHT_NS + 3 * _DAY + 11 * _HOUR
    quantities = ["strain", "strain", "strain", "temperature"]
    register = _places("bridge", "bridge", {"B-1": quantities}, 300.0)
    amounts = {"B-1.D0": 30.0, "B-1.D1": 30.0, "B-1.D2": 2.0}
    sinks = tuple(
        Offset(frozenset({device}), danger_ns, danger_ns + 10 * _DAY, {f"c{device[-1]}": amount}, 1200.0, 1200.0)
        for device, amount in amounts.items()
    )
    return _Plot(register, MIDNIGHT_NS, danger_ns, danger_ns + 6 * _HOUR, sinks)


def _gas_manholes() -> _Plot:
    """Return: a main leaks; gas reaches manholes 80 m apart, 20 min one after the other (soil and sewer beside it)."""
    danger_ns = MIDNIGHT_NS + 21 * _HOUR
    names = [f"G-{i}" for i in range(1, 6)]
    register = _places("gas", "gas_manhole", {name: ["methane"] for name in names}, 10.0, apart_m=80.0)
    end_ns = danger_ns + 120 * _MINUTE
    rises = tuple(
        Rise(frozenset({f"{name}.D0"}), danger_ns + 20 * i * _MINUTE, end_ns, {"c0": top}, 900.0, 1800.0)
        for i, (name, top) in enumerate(zip(names[1:4], (16.0, 13.0, 8.0), strict=True))
    )
    return _Plot(register, danger_ns - _HOUR, danger_ns, end_ns + 90 * _MINUTE, rises)


def _burst_main() -> _Plot:
    """Return: a main bursts at 02:30; pressure falls within 40 s, most beside the burst, and is back after 2 h."""
    danger_ns = MIDNIGHT_NS + 2 * _HOUR + 30 * _MINUTE
    end_ns = danger_ns + 2 * _HOUR
    names = ["W-1", "W-2", "W-3"]
    places = {name: ["water_main_pressure"] for name in names}
    register = _places("water", "water_main", places, 5.0, apart_m=400.0)
    falls = tuple(
        Offset(frozenset({f"{name}.D0"}), danger_ns, end_ns, {"c0": -amount}, 40.0, 600.0)
        for name, amount in zip(names, (0.26, 0.12, 0.02), strict=True)
    )
    return _Plot(register, danger_ns - _HOUR, danger_ns, end_ns + _HOUR, falls)


def _creeping_slope() -> _Plot:
    """Return: an old slope begins to creep by 8 mm a day and fails twelve days later."""
    danger_ns = MIDNIGHT_NS + 3 * _DAY
    failure_ns = danger_ns + 12 * _DAY
    register = _places("geo", "slope", {"L-1": ["surface_displacement"]}, 600.0)
    creep = Creep(frozenset({"L-1.D0"}), danger_ns, failure_ns, "c0", rate_mm_day=8.0)
    return _Plot(register, MIDNIGHT_NS, danger_ns, failure_ns - _HOUR, (creep,), failure_ns)


def _tunnel_air() -> _Plot:
    """Return: fans stand still in the evening jam; carbon monoxide rises by 140 ppm in half an hour, then they run."""
    danger_ns = MIDNIGHT_NS + 17 * _HOUR + 30 * _MINUTE
    end_ns = danger_ns + 45 * _MINUTE
    names = ["U-1", "U-2", "U-3"]
    places = {name: ["carbon_monoxide"] for name in names}
    register = _places("tunnel", "tunnel_section", places, 10.0, apart_m=300.0)
    rises = tuple(
        Offset(frozenset({f"{name}.D0"}), danger_ns, end_ns, {"c0": amount}, 1800.0, 900.0)
        for name, amount in zip(names, (50.0, 140.0, 55.0), strict=True)
    )
    return _Plot(register, danger_ns - 30 * _MINUTE, danger_ns, end_ns + _HOUR, rises)


def _places(
    domain: str, kind: str, measured: Mapping[str, list[str]], cadence_s: float, apart_m: float | None = None
) -> Register:
    """Return assets in a row, each with a device for each quantity, and three people who answer for all of them."""
    names = list(measured)
    assets = {name: Asset(name, kind, domain, name, name, "grid", 29.55, 106.55) for name in names}
    sensors = [
        sensor
        for name, quantities in measured.items()
        for i, quantity in enumerate(quantities)
        for sensor in _device(name, i, quantity, cadence_s)
    ]
    beside = {
        name: [Neighbour(other, apart_m) for other in (*names[max(i - 1, 0) : i], *names[i + 1 : i + 2])]
        for i, name in enumerate(names)
        if apart_m is not None
    }
    roles = (Role.RESPONSIBLE, Role.MANAGER, Role.MAINTENANCE, Role.GRID_WORKER)
    people = {
        role.value: Contact(role.value, role.value, role.value, f"+861380000000{i}", "zh")
        for i, role in enumerate(roles)
    }
    duties = [Duty(name, role, role.value) for name in names for role in roles]
    return Register({}, assets, sensors, people, duties, neighbours=beside)


def _device(asset: str, number: int, quantity: str, cadence_s: float) -> tuple[Sensor, Sensor]:
    device, stale_s = f"{asset}.D{number}", 3 * cadence_s
    beat, scale = f"{device}.heartbeat", 0.001 if quantity in _IN_KPA else 1.0
    return (
        Sensor(f"{device}.c{number}", asset, device, f"c{number}", quantity, scale, 0.0, cadence_s, stale_s, beat),
        Sensor(beat, asset, device, "heartbeat", "heartbeat", 1.0, 0.0, cadence_s, stale_s, ""),
    )


STORIES: Mapping[str, Callable[[], _Plot]] = {
    "fire_water": _fire_water,
    "septic_methane": _septic_methane,
    "bridge_support": _bridge_support,
    "gas_manholes": _gas_manholes,
    "burst_main": _burst_main,
    "creeping_slope": _creeping_slope,
    "tunnel_air": _tunnel_air,
}
"""Name to events."""

"""A simulated district: every device of the register as a pure function of seed and time.

Input: register, quantities, seed, effects.
Output: device messages; the same span of time always gives the same messages.
Not responsible for: clocks and sockets; the caller names the span.
Rejects: sensors of quantities without a simulated signal.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from config.errors import ConfigError, Problem
from config.quantities import Quantity
from config.register import Register, Sensor
from simulators import LIFELINES, Signal
from simulators.daylight import SampleTimes, sample_times
from simulators.message import DeviceMessage
from simulators.noise import FloatArray, IntArray, share
from simulators.scenarios import Scenario
from simulators.trace import DeviceTrace, Effect

_HEARTBEAT_WRAP = 2**24
"""The counter starts again here; at one message a second that is after half a year."""
_BATTERY_LIFE_S = 3.0 * 365.0 * 86_400.0
"""Assumed: three years to empty; replaced at 20 %."""
_OF_EVERY_DEVICE = frozenset({"heartbeat", "battery"})
"""Quantities of the box itself, whatever it measures."""
_DECIMALS = 3
"""Digits after the point in payloads; a reading of an instrument has no more."""


@dataclass(frozen=True, slots=True)
class Device:
    """One box: its sensors share one message and one heartbeat; a slower sensor is left out of messages in between."""

    id: str
    asset: str
    domain: str
    sensors: tuple[Sensor, ...]
    cadence_ns: int
    """Of its fastest sensor."""
    phase_ns: int
    """When in each cadence it measures, so that the district does not speak in one voice."""


@dataclass(frozen=True, slots=True)
class District:
    """Every device of a register, with whatever scenarios happen to it."""

    register: Register
    quantities: Mapping[str, Quantity]
    seed: int
    scenarios: tuple[Scenario, ...] = ()
    devices: Mapping[str, Device] = field(init=False)

    def __post_init__(self) -> None:
        """Derive the devices once.

        Raises:
            ConfigError: a sensor's quantity has no simulated signal in its asset's domain.
        """
        object.__setattr__(self, "devices", _devices(self.register, self.seed))

    def with_scenarios(self, *scenarios: Scenario) -> "District":
        """Return the same district where these scenarios happen too."""
        return replace(self, scenarios=self.scenarios + scenarios)

    def readings(self, now_ns: int) -> list[DeviceMessage]:
        """Return the last message that each device had sent by `now_ns`; a device silent for a cadence has none."""
        longest_ns = max((device.cadence_ns for device in self.devices.values()), default=0)
        last: dict[str, DeviceMessage] = {}
        for message in self.between(now_ns - longest_ns, now_ns):
            last[message.device] = message
        return list(last.values())

    def between(self, after_ns: int, until_ns: int) -> list[DeviceMessage]:
        """Return every message that leaves later than `after_ns` and not later than `until_ns`, in that order.

        Consecutive spans together give each message exactly once, whatever their lengths.
        """
        messages = [message for device in self.devices.values() for message in self._sent(device, after_ns, until_ns)]
        messages.sort(key=lambda message: (message.sent_ns, message.device, message.seq))
        return messages

    def _sent(self, device: Device, after_ns: int, until_ns: int) -> Iterable[DeviceMessage]:
        effects = self._effects(device.id)
        held_ns = max((effect.longest_delay_ns for effect in effects), default=0)
        slots = _slots(device, after_ns - held_ns, until_ns)
        if len(slots) == 0:
            return ()
        trace = self._trace(device, slots, effects)
        trace = trace.take((trace.sent_ns > after_ns) & (trace.sent_ns <= until_ns))
        return _messages(device, trace)

    def _effects(self, device: str) -> Sequence[Effect]:
        return [effect for scenario in self.scenarios for effect in scenario.effects if device in effect.devices]

    def _trace(self, device: Device, slots: IntArray, effects: Sequence[Effect]) -> DeviceTrace:
        times = slots * device.cadence_ns + device.phase_ns
        when = sample_times(times, self.register.city)
        values = {sensor.channel: self._values(sensor, slots, when) for sensor in device.sensors}
        trace = DeviceTrace(self.seed, device.id, slots, times, times, values)
        for i, effect in enumerate(effects):
            before = _slots(device, effect.start_ns - device.cadence_ns - 1, effect.start_ns - 1)
            trace = effect.apply(trace, self._trace(device, before, effects[:i]))
        return trace

    def _values(self, sensor: Sensor, slots: IntArray, when: SampleTimes) -> FloatArray:
        if sensor.quantity == "heartbeat":
            return (slots % _HEARTBEAT_WRAP).astype(np.float64)
        if sensor.quantity == "battery":
            return _battery(self.seed, sensor, when.time_ns)
        return _signal(self.register, sensor)(self.seed, sensor, when)


def _devices(register: Register, seed: int) -> dict[str, Device]:
    sensors: dict[str, list[Sensor]] = {}
    for sensor in register.sensors:
        sensors.setdefault(sensor.device, []).append(sensor)
        if sensor.quantity not in _OF_EVERY_DEVICE:
            _signal(register, sensor)
    return {name: _device(register, seed, name, tuple(group)) for name, group in sensors.items()}


def _device(register: Register, seed: int, name: str, sensors: tuple[Sensor, ...]) -> Device:
    cadence_ns = int(min(sensor.cadence_s for sensor in sensors) * 1e9)
    # Whole milliseconds: the payload carries no finer time.
    phase_ns = int(share(seed, f"{name}/phase") * cadence_ns) // 1_000_000 * 1_000_000
    asset = sensors[0].asset
    return Device(name, asset, register.assets[asset].domain, sensors, cadence_ns, phase_ns)


def _slots(device: Device, after_ns: int, until_ns: int) -> IntArray:
    """Return the message numbers measured later than `after_ns` and not later than `until_ns`, int64[n]."""
    first = (after_ns - device.phase_ns) // device.cadence_ns + 1
    last = (until_ns - device.phase_ns) // device.cadence_ns
    return np.arange(first, last + 1, dtype=np.int64)


def _signal(register: Register, sensor: Sensor) -> Signal:
    domain = register.assets[sensor.asset].domain
    signal = LIFELINES.get(domain, {}).get(sensor.quantity)
    if signal is None:
        known = ", ".join(f"{domain}/{quantity}" for domain, signals in LIFELINES.items() for quantity in signals)
        remedy = "add the quantity to SIGNALS of that lifeline, or leave the sensor out of the simulated district"
        raise ConfigError([Problem("simulators", 0, sensor.id, known, f"{domain}/{sensor.quantity}", remedy)])
    return signal


def _battery(seed: int, sensor: Sensor, time_ns: IntArray) -> FloatArray:
    age = (time_ns / 1e9 / _BATTERY_LIFE_S + 0.8 * share(seed, f"{sensor.device}/battery")) % 0.8
    return np.round(100.0 * (1.0 - age))


def _messages(device: Device, trace: DeviceTrace) -> Iterable[DeviceMessage]:
    battery = next((sensor.channel for sensor in device.sensors if sensor.quantity == "battery"), None)
    columns = {sensor.channel: _payload_column(sensor, trace.values[sensor.channel]) for sensor in device.sensors}
    levels = columns.pop(battery) if battery is not None else []
    every = {sensor.channel: max(1, round(sensor.cadence_s * 1e9 / device.cadence_ns)) for sensor in device.sensors}
    for i in range(len(trace)):
        seq = int(trace.seq[i])
        yield DeviceMessage(
            domain=device.domain,
            asset=device.asset,
            device=device.id,
            seq=seq % _HEARTBEAT_WRAP,
            measured_ns=int(trace.measured_ns[i]),
            sent_ns=int(trace.sent_ns[i]),
            values={channel: column[i] for channel, column in columns.items() if seq % every[channel] == 0},
            battery=levels[i] if battery is not None and seq % every[battery] == 0 else None,
        )


def _payload_column(sensor: Sensor, values: FloatArray) -> list[float]:
    if sensor.quantity in _OF_EVERY_DEVICE:
        return [int(value) for value in values]
    payload = np.round((values - sensor.offset) / sensor.scale, _DECIMALS)
    # Adding zero turns -0.0 into 0.0.
    return [float(value) for value in payload + 0.0]

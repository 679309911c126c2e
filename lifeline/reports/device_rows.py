"""The state of each device: presence, charge, signal, firmware, last message, missing messages.

Input: the register, a `LiveState`, and the states of the devices from the intake.
Output: columns of all devices at once, and rows of some devices.
Not responsible for: HTML and the words of a page.
Rejects: nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

import numpy as np
from numpy.typing import NDArray

from collector.devices.clocks import DeviceClocks
from collector.devices.device_state import DeviceStates
from config.quantities import ONLINE
from config.register import Register
from lifeline.rules_stage.live_state import ALIVE, BLIND, LiveState

LOW_BATTERY_PERCENT = 20.0
"""At or below this a device is listed as low; assumed, the limit of the packaged rules."""
BATTERY, SIGNAL_STRENGTH, SIGNAL_QUALITY = "battery", "signal_strength", "signal_quality"


class DevicePresence(IntEnum):
    """How a device is, worst first."""

    OFFLINE = 0
    """It said, or the broker said for it, that it has gone."""
    SILENT = 1
    """It was heard once and is not any more."""
    PARTLY = 2
    """Some of its sensors are not heard."""
    NEVER = 3
    """It was never heard."""
    OK = 4
    """Every sensor is heard."""


class DeviceFilter(StrEnum):
    """Which devices are listed."""

    ALL = "all"
    OFFLINE = "offline"
    SILENT = "silent"
    NEVER = "never"
    LOW_BATTERY = "low_battery"
    GAPS = "gaps"
    WRONG_CLOCK = "wrong_clock"


@dataclass(frozen=True, slots=True)
class DeviceColumns:
    """All devices at one moment, one row each."""

    state: NDArray[np.int8]
    """`DevicePresence` values."""
    alive: NDArray[np.int64]
    sensors: NDArray[np.int64]
    battery: NDArray[np.float64]
    """Percent, NaN where nothing was said since the start of the program."""
    strength: NDArray[np.float64]
    """Signal, dBm, NaN as above."""
    ratio: NDArray[np.float64]
    """Signal to noise, dB, NaN as above."""
    missing: NDArray[np.int64]
    """Numbers that never came."""
    wrong_clock: NDArray[np.bool_]
    """Its clock is steadily wrong: its readings get the received time."""

    def select(self, which: DeviceFilter) -> NDArray[np.bool_]:
        """Return bool[n_devices]: those that `which` lists."""
        masks: Mapping[DeviceFilter, NDArray[np.bool_]] = {
            DeviceFilter.ALL: np.ones(len(self.state), np.bool_),
            DeviceFilter.OFFLINE: self.state == DevicePresence.OFFLINE,
            DeviceFilter.SILENT: (self.state == DevicePresence.SILENT) | (self.state == DevicePresence.PARTLY),
            DeviceFilter.NEVER: self.state == DevicePresence.NEVER,
            DeviceFilter.LOW_BATTERY: self.battery <= LOW_BATTERY_PERCENT,
            DeviceFilter.GAPS: self.missing > 0,
            DeviceFilter.WRONG_CLOCK: self.wrong_clock,
        }
        return masks[which]


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """One device."""

    id: str
    asset: str
    state: DevicePresence
    since_ns: int
    """Start of offline, or last message of a silent device; 0 where that is unknown or the device is present."""
    alive: int
    sensors: int
    battery: float | None
    strength: float | None
    ratio: float | None
    firmware: str
    messages: int
    heard_ns: int
    missing: int
    passed_over: int
    """Numbers that did not come in their turn, also those that came later."""
    repeated: int
    restarts: int
    is_numbered: bool
    """Whether its messages carry numbers at all."""
    clock_behind_s: float | None
    """Offset of its clock behind ours, negative: ahead; None when it never sent a time."""
    clock_is_wrong: bool


class DeviceReport:
    """The devices of one register, over the program that runs."""

    def __init__(self, register: Register, book: DeviceStates, clocks: DeviceClocks) -> None:
        """Find each device's sensors once."""
        self._register, self._book, self._clocks = register, book, clocks
        self._owner = np.array([book.place[sensor.device] for sensor in register.sensors], np.intp)
        self._sensors = np.bincount(self._owner, minlength=len(book.ids))
        self._by_device = np.argsort(self._owner, kind="stable")
        self._ends = np.cumsum(self._sensors)
        self._patience_ns = np.full(len(book.ids), np.inf)
        np.minimum.at(self._patience_ns, self._owner, [sensor.stale_after_s * 1e9 for sensor in register.sensors])
        wanted = (ONLINE, BATTERY, SIGNAL_STRENGTH, SIGNAL_QUALITY)
        self._said_by = {quantity: np.full(len(book.ids), -1, np.intp) for quantity in wanted}
        for number, sensor in enumerate(register.sensors):
            if sensor.quantity in self._said_by:
                self._said_by[sensor.quantity][self._owner[number]] = number

    def list_sensors(self, device: str) -> list[int]:
        """Return the numbers of the sensors of a device that the register has."""
        place = self._book.place[device]
        end = int(self._ends[place])
        numbers: list[int] = self._by_device[end - int(self._sensors[place]) : end].tolist()
        return numbers

    def make_columns(self, live_state: LiveState) -> DeviceColumns:
        """Return all devices as they are on `live_state`."""
        n_devices = len(self._book.ids)
        alive = np.bincount(self._owner[live_state.health == ALIVE], minlength=n_devices)
        blind = np.bincount(self._owner[live_state.health == BLIND], minlength=n_devices)
        counted = self._book.sequences.counted
        heard = (self._book.heard_ns > 0) | (alive > 0) | (blind > 0)
        # Sensors that no rule watches stay alive for ever: whether anything comes, the messages tell.
        is_quiet = (alive == 0) | (live_state.received_ns - self._book.heard_ns > self._patience_ns)
        state = np.select(
            [self._read_last(ONLINE, live_state) == 0, ~heard, is_quiet & (blind > 0), alive == 0, blind > 0],
            [
                DevicePresence.OFFLINE,
                DevicePresence.NEVER,
                DevicePresence.SILENT,
                DevicePresence.SILENT,
                DevicePresence.PARTLY,
            ],
            DevicePresence.OK,
        ).astype(np.int8)
        return DeviceColumns(
            state,
            alive,
            self._sensors,
            self._read_last(BATTERY, live_state),
            self._read_last(SIGNAL_STRENGTH, live_state),
            self._read_last(SIGNAL_QUALITY, live_state),
            counted.missing - counted.filled,
            self._clocks.offsets()[1],
        )

    def list_page(
        self, live_state: LiveState, columns: DeviceColumns, chosen: NDArray[np.bool_], first: int, count: int
    ) -> list[DeviceRow]:
        """Return at most `count` of the `chosen` devices behind the `first` of them, the worst first."""
        places = np.flatnonzero(chosen)
        order = np.argsort(columns.state[places], kind="stable")
        return [self._make_row(int(place), live_state, columns) for place in places[order][first : first + count]]

    def find_row(self, device: str, live_state: LiveState) -> DeviceRow:
        """Return one device that the register has."""
        return self._make_row(self._book.place[device], live_state, self.make_columns(live_state))

    def find_by_name(self, text: str) -> NDArray[np.bool_]:
        """Return bool[n_devices]: those with `text` in their name, whatever its case."""
        wanted = text.casefold()
        return np.fromiter((wanted in device.casefold() for device in self._book.ids), np.bool_, len(self._book.ids))

    def _read_last(self, quantity: str, live_state: LiveState) -> NDArray[np.float64]:
        number = self._said_by[quantity]
        if not len(live_state.values):
            return np.full(len(number), np.nan)
        return np.where(number >= 0, live_state.values[number], np.nan)

    def _make_row(self, place: int, live_state: LiveState, columns: DeviceColumns) -> DeviceRow:
        book, counted = self._book, self._book.sequences.counted
        state, clock = DevicePresence(int(columns.state[place])), self._clocks.report(book.ids[place])
        heard_ns = int(book.heard_ns[place])
        online = int(self._said_by[ONLINE][place])
        since_ns = int(live_state.time_ns[online]) if state is DevicePresence.OFFLINE else heard_ns
        return DeviceRow(
            id=book.ids[place],
            asset=self._register.sensors[self._by_device[int(self._ends[place]) - 1]].asset,
            state=state,
            since_ns=since_ns if state in (DevicePresence.OFFLINE, DevicePresence.SILENT) else 0,
            alive=int(columns.alive[place]),
            sensors=int(columns.sensors[place]),
            battery=_nan_to_none(columns.battery[place]),
            strength=_nan_to_none(columns.strength[place]),
            ratio=_nan_to_none(columns.ratio[place]),
            firmware=book.firmware.get(place, ""),
            messages=int(book.messages[place]),
            heard_ns=heard_ns,
            missing=int(columns.missing[place]),
            passed_over=int(counted.missing[place]),
            repeated=int(counted.repeated[place]),
            restarts=int(counted.restarts[place]),
            is_numbered=bool(counted.last[place] >= 0),
            clock_behind_s=clock.offset_s,
            clock_is_wrong=clock.is_wrong,
        )


def _nan_to_none(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)

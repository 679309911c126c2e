"""Devices at a glance: who is there, who is not."""

from dataclasses import replace

import numpy as np
import pytest

from collector.devices.clocks import DeviceClocks
from collector.devices.device_state import DeviceStates
from config.register import Asset, Register, Sensor
from lifeline.reports.device_rows import DeviceFilter, DevicePresence, DeviceReport
from lifeline.rules_stage.live_state import ALIVE, BLIND, UNSEEN, LiveState

QUANTITIES = ("pressure", "online", "battery")


def district(n_devices: int) -> Register:
    """Return devices with a pressure, a presence and a charge each."""
    assets = {"A": Asset("A", "main", "water", "甲", "A", "G", 0.0, 0.0)}
    sensors = [
        Sensor(f"D{i}.{quantity}", "A", f"D{i}", quantity, quantity, 1.0, 0.0, 2.0, 6.0, "")
        for i in range(n_devices)
        for quantity in QUANTITIES
    ]
    return Register({}, assets, sensors, {}, [])


def live_state(health, values) -> LiveState:
    """Return a live state of sensors."""
    n = len(health)
    last = (np.arange(n, dtype=np.int64) + 100, np.zeros(n, np.uint16))
    return LiveState(1, 1, np.zeros(0, np.int8), np.array(health, np.uint8), np.array(values, float), *last)


NAN = float("nan")


def clocks_of(register: Register) -> DeviceClocks:
    """Return clocks of which nothing is known."""
    return DeviceClocks(register, np.full(len(register.sensors) + 1, 60_000_000_000), 300_000_000_000)


def devices_of(register: Register) -> DeviceReport:
    """Return devices of which nothing was heard."""
    book = DeviceStates([sensor.device for sensor in register.sensors])
    return DeviceReport(register, book, clocks_of(register))


@pytest.mark.parametrize(
    ("health", "values", "state", "since_ns"),
    [
        ((UNSEEN, UNSEEN, UNSEEN), (NAN, NAN, NAN), DevicePresence.NEVER, 0),
        ((ALIVE, ALIVE, ALIVE), (1, 1, 90), DevicePresence.OK, 0),
        ((ALIVE, UNSEEN, UNSEEN), (1, NAN, NAN), DevicePresence.OK, 0),
        ((BLIND, ALIVE, ALIVE), (1, 1, 90), DevicePresence.PARTLY, 0),
        ((BLIND, BLIND, BLIND), (1, 1, 90), DevicePresence.SILENT, 7),
        ((ALIVE, ALIVE, ALIVE), (1, 0, 90), DevicePresence.OFFLINE, 101),
        ((BLIND, BLIND, BLIND), (1, 0, 90), DevicePresence.OFFLINE, 101),
    ],
)
def test_devices_state_is_what_its_sensors_say(health, values, state, since_ns):
    """A device that left is offline, one that stopped sending is silent, one that never sent is neither."""
    register = district(1)
    book = DeviceStates([sensor.device for sensor in register.sensors])
    book.heard_ns[0] = 7 if any(each != UNSEEN for each in health) else 0
    row = DeviceReport(register, book, clocks_of(register)).find_row("D0", live_state(health, values))

    assert (state, since_ns) == (row.state, row.since_ns)


def test_devices_that_only_an_unwatched_sensor_keeps_alive_are_silent():
    """A heartbeat that no rule watches stays alive in the books; the device says nothing all the same."""
    register = district(1)
    book = DeviceStates(["D0"])
    book.heard_ns[0] = 1_000_000_000
    seen = live_state((BLIND, ALIVE, ALIVE), (1, 1, 90))
    later = replace(seen, received_ns=8_000_000_000)
    devices = DeviceReport(register, book, clocks_of(register))

    assert (DevicePresence.PARTLY, DevicePresence.SILENT) == (
        devices.find_row("D0", seen).state,
        devices.find_row("D0", later).state,
    )


def test_devices_worst_come_first_and_pages_do_not_overlap():
    """Offline before silent before in order, within a state in the order of the register."""
    register = district(5)
    devices = devices_of(register)
    values = np.array([[1.0, 1, 90]] * 5)
    values[3, 1] = 0
    health = np.full((5, 3), ALIVE)
    health[1] = BLIND
    seen = live_state(health.ravel(), values.ravel())
    columns = devices.make_columns(seen)
    chosen = columns.select(DeviceFilter.ALL)
    found = [row.id for first in (0, 2, 4) for row in devices.list_page(seen, columns, chosen, first, 2)]

    assert ["D3", "D1", "D0", "D2", "D4"] == found


def test_devices_sensors_stand_in_the_order_of_the_register():
    """Each device has its own, also where their rows are mixed."""
    mixed = district(3)
    register = Register({}, mixed.assets, sorted(mixed.sensors, key=lambda each: each.channel), {}, [])
    devices = devices_of(register)

    assert [1, 4, 7] == devices.list_sensors("D1")
    assert "D1" == devices.find_row("D1", live_state([UNSEEN] * 9, [NAN] * 9)).id


def test_devices_of_a_message_without_a_number_have_no_gaps():
    """Messages without a number cannot be missing."""
    register = district(1)
    book = DeviceStates(["D0"])
    book.seen.add(0, None)
    book.take_seen(5)
    row = DeviceReport(register, book, clocks_of(register)).find_row("D0", live_state([ALIVE] * 3, [1, 1, 90]))

    assert (False, 0, 1) == (row.is_numbered, row.missing, row.messages)


def test_devices_of_an_empty_register_are_none():
    """A district without sensors has a page, too."""
    devices = devices_of(Register({}, {}, [], {}, []))
    nothing = live_state([], [])

    assert [] == devices.list_page(
        nothing, devices.make_columns(nothing), devices.make_columns(nothing).select(DeviceFilter.ALL), 0, 9
    )

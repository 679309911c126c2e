import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from config.register import Register, Sensor
from rules.admission.low_battery import FAILING_PERCENT, LowBattery

VALUE, CHARGE, PLAIN = range(3)


def power() -> LowBattery:
    """Return a device with a battery, and one without."""
    rows = [("D.v", "D", "methane"), ("D.bat", "D", "battery"), ("P.v", "P", "methane")]
    sensors = [Sensor(name, "A", device, name, kind, 1.0, 0.0, 2.0, 6.0, "") for name, device, kind in rows]
    return LowBattery(Register({}, {}, sensors, {}, []))


def stuck(memory: LowBattery, readings) -> list[bool]:
    """Return which of (sensor, value, usable) are only repeated."""
    sensor, value, usable = zip(*readings, strict=True) if readings else ((), (), ())
    return memory.is_repeat(np.array(sensor, np.intp), np.array(value, np.float64), np.array(usable, np.bool_)).tolist()


def test_stuck_needs_a_failing_battery_and_the_same_value():
    """With charge a repeated value is a value; without it only a new one is."""
    readings = [(VALUE, 0.0, True), (VALUE, 0.0, True), (CHARGE, 10.0, True), (VALUE, 0.0, True), (VALUE, 0.1, True)]

    assert [False, False, False, True, False] == stuck(power(), readings)


def test_stuck_ends_with_the_charge():
    """Another battery, and the device is believed again."""
    readings = [(CHARGE, 5.0, True), (VALUE, 0.0, True), (CHARGE, 90.0, True), (VALUE, 0.0, True)]

    assert [False] * 4 == stuck(power(), readings)


def test_stuck_device_without_a_battery_never_is():
    """The bridge's mains supply is not the manhole's cell, whatever numbers stand beside it."""
    assert [False] * 3 == stuck(power(), [(CHARGE, 5.0, True), (PLAIN, 1.0, True), (PLAIN, 1.0, True)])


reading = st.tuples(st.integers(0, 2), st.sampled_from([0.0, 5.0, FAILING_PERCENT, 90.0]), st.booleans())


@given(st.lists(reading, max_size=30), st.integers(0, 30))
def test_stuck_any_readings_are_judged_one_after_another(readings, cut):
    """The columns agree with a loop, for any cut into batches."""
    memory, expected, last = power(), [], {}
    for number, value, usable in readings:
        failing = number == VALUE and last.get(CHARGE, 100.0) <= FAILING_PERCENT
        expected.append(usable and failing and last.get(number) == value)
        if usable:
            last[number] = value

    assert expected == stuck(memory, readings[:cut]) + stuck(memory, readings[cut:])

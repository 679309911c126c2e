"""A device uploads a buffer of six hours: all of it is stored, and only current readings raise alarms."""

import dataclasses
import time
from collections import Counter
from collections.abc import Sequence

import pytest

from config.register import Register
from simulators.district import District
from simulators.load import send_load
from simulators.message import DeviceMessage
from simulators.scenarios import make_scenario
from tests.end_to_end.city import SECOND_NS, embedded_points, published_points, sent, write_district
from tests.services.mosquitto import Mosquitto
from tests.services.program import Program

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(300)]

_DEVICE, _ASSET = "FT-0001", "T-0001"
_HOURS_NS = 6 * 3600 * SECOND_NS
_LIVE_NS = 60 * SECOND_NS
"""The current readings of this test: the last minute."""
_HAZARD_S = 40.0


def _said(program: Program, until_ns: int) -> list[DeviceMessage]:
    """Return six hours of one device: a loss of pressure three hours ago, and one in the last 40 s."""
    configuration = program.configuration
    register: Register = dataclasses.replace(
        configuration.register,
        sensors=[sensor for sensor in configuration.register.sensors if sensor.device == _DEVICE],
    )
    past, now = (
        make_scenario("zero_pressure", register, begin_ns, asset=_ASSET, duration_s=_HAZARD_S)
        for begin_ns in (until_ns - _HOURS_NS // 2, until_ns - int(_HAZARD_S * SECOND_NS))
    )
    district = District(register, configuration.quantities, 7, (past, now))
    return district.between(until_ns - _HOURS_NS, until_ns)


def _publish(program: Program, broker: Mosquitto, messages: Sequence[DeviceMessage]) -> None:
    """Return once all of `messages` are evaluated and recorded and every notification is sent."""
    before = program.metrics()["messages_total", ""]
    send_load(broker.host, broker.port, sent(messages))
    program.wait_until(lambda: program.metrics()["messages_total", ""] >= before + len(messages), 120)
    program.wait_until(program.is_idle, 60)


def test_program_takes_a_buffer_of_six_hours_and_warns_of_now_alone(tmp_path, mosquitto, sms_gateway, make_program):
    """Every point is stored; the old loss of pressure causes no message, the current one exactly one to each."""
    program = make_program(district=str(write_district(tmp_path / "district")))
    program.start()
    messages = _said(program, time.time_ns())
    live_ns = messages[-1].measured_ns - _LIVE_NS
    buffer = [message for message in messages if message.measured_ns <= live_ns]
    _publish(program, mosquitto, buffer)
    told_of_the_past = sms_gateway.inbox()
    _publish(program, mosquitto, messages[len(buffer) :])
    program.wait_until(sms_gateway.inbox, 30)
    program.wait_until(program.is_idle, 60)
    judged = program.metrics()["readings_not_judged_total", "not_of_now"]
    assert 0 == program.stop()
    configuration = program.configuration
    points = published_points(messages, configuration.register)
    stored = embedded_points(configuration.settings, configuration.register)

    assert [] == told_of_the_past
    assert {1} == set(Counter(sms.to for sms in sms_gateway.inbox()).values())
    assert {point: value for point, (value, _) in points.items()} == {
        point: value for point, (value, _) in stored.items() if point in points
    }
    assert judged > len(buffer)

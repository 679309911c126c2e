"""Attacks by the content of a message: each has its outcome, and the next good reading is stored.

The numbers are those of the table in docs/reliability.md. Every case is one attack on the real program over a real
broker: rejections with reasons, stored readings with flags; the connection stays.
"""

import gzip
import json
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from collector.batch import Quality
from simulators.sms_gateway import SmsGateway
from tests.end_to_end.attack_rig import DEVICE, UP, Target, payload, subscriptions_of_target
from tests.end_to_end.city import write_district
from tests.services.mosquitto import Mosquitto
from tests.services.program import Program

pytestmark = pytest.mark.end_to_end

_YEAR_MS = 31_556_952_000
_HUGE_TEXT = "1" * 400


@dataclass(frozen=True, slots=True)
class Attack:
    """One message and its expected outcome."""

    payload: bytes
    refused: tuple[str, ...] = ()
    """Reasons of its dead letters."""
    stored: tuple[tuple[str, float, Quality], ...] = ()
    """(sensor, value in the canonical unit, quality) of each reading."""
    topic: str = UP


@pytest.fixture(scope="module")
def target(tmp_path_factory) -> Iterator[Target]:
    """Return one program for all blows of this file."""
    folder = tmp_path_factory.mktemp("target")
    broker, gateway = Mosquitto(folder / "mosquitto"), SmsGateway()
    broker.start()
    gateway.start()
    mqtt = {"port": broker.port, "client_id": "program", **subscriptions_of_target()}
    district = str(write_district(folder / "district"))
    program = Program(folder / "program", broker.port, sms_url=gateway.send_url, district=district, mqtt=mqtt)
    program.start()
    target = Target(program, broker.port)
    target.strike()
    yield target
    target.close()
    program.kill()
    gateway.stop()
    broker.stop()


def pressure(mpa: float, quality: Quality = Quality.GOOD) -> tuple[str, float, Quality]:
    """Return a stored reading of the device that is attacked."""
    return "FT-0001.pressure_kpa", mpa, quality


def now_ms() -> int:
    """Return the time of now."""
    return time.time_ns() // 1_000_000


def raw(value: str) -> bytes:
    """Return a message with raw JSON `value` as its pressure."""
    return payload(666).replace(b"666", value.encode())


def made_up_device(name: str) -> Attack:
    """Return a message on the topic of a device called `name`."""
    return Attack(payload(666), ("unknown_sensor",), topic=f"lifeline/v1/fire/T-0001/{name}/up")


def made_up_channel(name: str) -> Attack:
    """Return a message with a channel called `name`."""
    return Attack(payload(666, m={name: 666}), ("unknown_sensor",))


BOMB = gzip.compress(b" " * (64 << 20))
DEEP = "[" * 200 + "]" * 200

ATTACKS: Mapping[str, Attack] = {
    "1 empty": Attack(b"", ("syntax",)),
    "1 empty plain value": Attack(b"", ("syntax",), topic=f"{DEVICE}/pressure_kpa/value"),
    "2 truncated": Attack(payload(666)[:-3], ("syntax",)),
    "3 not UTF-8": Attack(payload(666).replace(b"pressure", b"\xc3\x28\xff"), ("syntax",)),
    "4 deep value": Attack(raw(DEEP), ("schema",)),
    "4 deep in what nobody reads": Attack(payload(350, x=666).replace(b"666", DEEP.encode()), stored=(pressure(0.35),)),
    "4 deeper than any stack": Attack(raw("[" * 30_000 + "]" * 30_000), ("schema",)),
    "5 key twice": Attack(
        payload(350).replace(b'"pressure_kpa"', b'"pressure_kpa": 666, "pressure_kpa"'), stored=(pressure(0.35),)
    ),
    "6 NaN": Attack(raw("NaN"), ("not_finite",)),
    "6 -Infinity": Attack(raw("-Infinity"), ("not_finite",)),
    "6 1e999": Attack(raw("1e999"), ("not_finite",)),
    "6 400 digits": Attack(raw(_HUGE_TEXT), ("not_finite",)),
    "6 NaN as text": Attack(raw('"NaN"'), ("schema",)),
    "6 minus zero": Attack(raw("-0.0"), stored=(pressure(0.0),)),
    "6 smallest double": Attack(raw("5e-324"), stored=(pressure(0.0),)),
    "6 largest double": Attack(raw("1.7e308"), stored=(pressure(1.7e305, Quality.OUT_OF_RANGE),)),
    "7 larger than int64": Attack(raw(str(2**63)), stored=(pressure(2**63 / 1000, Quality.OUT_OF_RANGE),)),
    "7 bool": Attack(raw("true"), ("schema",)),
    "7 number as text": Attack(raw('"350"'), ("schema",)),
    "8 time 0": Attack(payload(350, ts=0), stored=(pressure(0.35, Quality.TIME_PAST),)),
    "8 time before 1970": Attack(payload(350, ts=-1), stored=(pressure(0.35, Quality.TIME_PAST),)),
    "8 year 2262": Attack(payload(350, ts=9_223_372_036_855), ("time_unrepresentable",)),
    "8 year 10000": Attack(payload(350, ts="9999-12-31T23:59:59Z"), ("time_unrepresentable",)),
    "8 nanoseconds sent as ms": Attack(payload(350, ts=time.time_ns()), ("time_unrepresentable",)),
    "8 seconds sent as ms": Attack(payload(350, ts=now_ms() // 1000), stored=(pressure(0.35, Quality.TIME_PAST),)),
    "8 ten years ahead": Attack(
        payload(350, ts=now_ms() + 10 * _YEAR_MS), stored=(pressure(0.35, Quality.TIME_FUTURE),)
    ),
    "9 one byte too large": Attack(payload(350).ljust(65_537), ("too_large",)),
    "9 largest allowed": Attack(payload(350).ljust(65_536), stored=(pressure(0.35),)),
    "9 ten megabytes": Attack(b"x" * 10_000_000, ("too_large",)),
    "10 gzip bomb": Attack(BOMB, ("too_large",), topic="packed/FT-0001/up"),
    "10 bomb in a bomb": Attack(gzip.compress(BOMB), ("syntax",), topic="packed/FT-0001/up"),
    "10 plain where packed is due": Attack(payload(666), ("syntax",), topic="packed/FT-0001/up"),
    "10 zlib where gzip is due": Attack(zlib.compress(payload(666)), ("syntax",), topic="packed/FT-0001/up"),
    "10 packed where plain is due": Attack(gzip.compress(payload(666)), ("syntax",)),
    "11 a million readings": Attack(
        payload(0, ts=[0] * 1_000_000, m={"pressure_kpa": [0] * 1_000_000}), ("too_large",)
    ),
    "11 1,001 readings": Attack(payload(0, ts=[0] * 1001, m={"pressure_kpa": [0] * 1001}), ("too_large",)),
    "13 line protocol in a device": made_up_device("FT-0001,domain=gas value=666"),
    "13 space in a device": made_up_device("FT-0001 value=1 1 methane value=99"),
    "13 backslash and quote in a device": made_up_device('FT-0001\\"'),
    "13 line protocol in a channel": made_up_channel("pressure_kpa,x=1 value=666\nmethane value=99"),
    "13 terminal command in a channel": made_up_channel("\x1b]0;owned\x07"),
    "14 InfluxQL in a device": made_up_device("x'; DROP DATABASE lifeline; --"),
    "14 SQL in a device": made_up_device('FT-0001"; DROP TABLE batches; --'),
    "15 leading slash": Attack(payload(666), topic=f"/{UP}"),
    "15 empty level": Attack(payload(666), ("topic",), topic="lifeline/v1/fire//FT-0001/up"),
    "15 topic of 2,000 bytes": Attack(payload(666), ("topic",), topic=f"lifeline/v1/fire/T-0001/{'x' * 2000}/up"),
    "15 topic of 65,535 bytes": Attack(payload(666), ("topic",), topic=f"lifeline/v1/fire/T-0001/{'x' * 65_508}/up"),
    "15 like a broker's own": Attack(payload(666), topic=f"$SYS/{UP}"),
    "16 another asset's topic": Attack(payload(666), ("identity",), topic="lifeline/v1/fire/T-0002/FT-0001/up"),
    "16 another's id inside": Attack(payload(350, id="FT-0002", device="FT-0002"), stored=(pressure(0.35),)),
    "16 gateway speaking for a stranger": Attack(
        json.dumps({"GM-0001": [{"ts": now_ms(), "values": {"methane_lel": 99}}]}).encode(),
        ("identity",),
        topic="gateway/G/telemetry",
    ),
    "22 number that becomes text": Attack(payload("350 kPa"), ("schema",)),
    "22 number that becomes an object": Attack(payload({"value": 350}), ("schema",)),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_in_a_message_has_its_outcome(target, name):
    """It is rejected with its reason, or stored with its flags; the connection and the next good reading are there."""
    attack = ATTACKS[name]
    effect = target.strike((attack.topic, attack.payload))

    assert attack.refused == effect.refused
    assert attack.stored == tuple((each.sensor, pytest.approx(each.value), each.quality) for each in effect.stored)
    assert 0 == effect.lost_connections


def test_attack_with_a_wrong_time_is_stored_at_the_received_one(target):
    """Whatever the clock claims, timers run on ours."""
    for ts in (0, -1, now_ms() + 10 * _YEAR_MS, now_ms() - _YEAR_MS):
        [reading] = target.strike((UP, payload(350, ts=ts))).stored

        assert reading.is_at_received_time
        assert 1_000_000 > reading.time_ns - reading.received_ns >= 0


def test_attack_that_repeats_an_old_message_changes_nothing_and_is_counted(target):
    """17: a message that is sent again later is the same point, and no rule evaluates it."""
    old = payload(351, ts=now_ms() - 3_600_000)
    first = target.strike((UP, old)).stored
    target.strike((UP, payload(352)))
    unjudged, n_alarms = target.total("readings_not_judged_total"), target.total("alarm_events_total")
    again = target.strike((UP, old)).stored
    target.program.wait_until(lambda: target.total("readings_not_judged_total") > unjudged, 30)

    assert [(each.sensor, each.time_ns, each.value) for each in first] == [
        (each.sensor, each.time_ns, each.value) for each in again
    ]
    assert n_alarms == target.total("alarm_events_total")


def test_attack_with_another_value_for_the_same_number_replaces_nothing_and_is_counted(target):
    """18: both values are kept, a nanosecond apart, and the counter tells of it."""
    ts = now_ms()
    messages = [(UP, payload(kpa, ts=ts, seq=4711)) for kpa in (353, 354)]
    before = target.metrics()
    stored = target.strike(*messages).stored
    kept_apart = "readings_same_time_total", "kept_apart"

    assert [(0, 0.353), (1, 0.354)] == [(each.time_ns - ts * 1_000_000, pytest.approx(each.value)) for each in stored]
    assert 1 == target.metrics()[kept_apart] - before[kept_apart]


def test_attacks_leave_no_trace_but_counters(target):
    """After a blow of each kind at once: one connection ever, no error in the log, everything accounted for."""
    before = target.metrics()
    effect = target.strike(*((each.topic, each.payload) for each in ATTACKS.values()))
    after = target.metrics()

    refused = [reason for each in ATTACKS.values() for reason in each.refused]
    n_stored = sum(len(each.stored) for each in ATTACKS.values())
    unheard = [name for name, each in ATTACKS.items() if not each.refused and not each.stored]
    received = after["messages_total", ""] - before["messages_total", ""] - 1
    assert sorted(refused) == sorted(effect.refused)
    assert (n_stored, len(ATTACKS) - len(unheard)) == (len(effect.stored), received)
    assert 1 == after["connections_total", ""]
    assert target.program.is_alive()
    assert [] == [line["event"] for line in target.program.events() if line["level"] == "error"]

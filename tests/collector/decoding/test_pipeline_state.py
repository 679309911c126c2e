"""Formats that tell states: what the pipeline and the rules make of retained status, births, deaths and history."""

import json

import numpy as np
import pytest

from collector.batch import Quality
from collector.dead_letter import DeadLetterReason
from collector.decoding.pipeline import Pipeline, RawMessage
from collector.wire.sparkplug_messages import Message, Metric, encode_payload
from config.quantities import Quantity
from config.register import Asset, Register, Sensor
from config.settings import IntakeSettings, Subscription, default_subscriptions
from rules.engine import ALIVE, BLIND, RuleEngine
from rules.kinds.stale import StaleOptions
from rules.kinds.threshold import ThresholdOptions
from rules.rule import Rule, RuleSet

NOW_NS = 1_750_000_000_000_000_000
NOW_MS = NOW_NS // 1_000_000
STATUS = "lifeline/v1/fire/T/FT/status"
UP = "lifeline/v1/fire/T/FT/up"
PUMP = "G:E:D"
PRESSURE, ONLINE, PUMP_PRESSURE, PUMP_ONLINE = range(4)


def register():
    """Return a terminal of our own and a pump below an edge node."""
    sensors = [
        Sensor("FT.p", "T", "FT", "p", "pressure", 1.0, 0.0, 60.0, 180.0, ""),
        Sensor("FT.online", "T", "FT", "online", "online", 1.0, 0.0, 60.0, 180.0, ""),
        Sensor("pump.p", "T", PUMP, "p", "pressure", 1.0, 0.0, 60.0, 180.0, ""),
        Sensor("pump.online", "T", PUMP, "online", "online", 1.0, 0.0, 60.0, 180.0, ""),
        Sensor("WP.p", "T", "WP", "p", "pressure", 1.0, 0.0, 60.0, 180.0, ""),
    ]
    return Register({}, {"T": Asset("T", "tower", "fire", "楼", "tower", "G", 0.0, 0.0)}, sensors, {}, [])


class Program:
    """Pipeline and rules, a second a message."""

    def __init__(self):
        quantities = {
            name: Quantity(name, "", "", "", 0.0, 1000.0, 1.0, 0, {}, "assumed") for name in ("pressure", "online")
        }
        words = "spBv1.0/{group_id}/{message_type}/{edge_node_id}"
        sparkplug = [
            Subscription(filter="spBv1.0/+/+/+", template=words, decoder="sparkplug_b"),
            Subscription(filter="spBv1.0/+/+/+/+", template=words + "/{device_id}", decoder="sparkplug_b"),
        ]
        subscriptions = [*default_subscriptions(), *sparkplug]
        self.pipeline = Pipeline(register(), quantities, subscriptions, IntakeSettings())
        levels = [
            {"level": "red", "limit": 1.0, "deadband": 0.5, "on_delay_s": 0, "off_delay_s": 0, "source": "assumed"}
        ]
        low = ThresholdOptions.model_validate({"levels": levels, "side": "low"})
        both = (PRESSURE, PUMP_PRESSURE)
        rules = (
            Rule("low", "threshold", "", "", "", "", None, both, low.limits(), low),
            Rule("silent", "stale", "", "", "", "", None, both, (), StaleOptions()),
        )
        self.engine = RuleEngine(RuleSet(rules, "1"), register())
        self.second = 0

    def hear(self, topic, payload, *, retain=False):
        """Return batch and dead letters of one message, judged."""
        self.second += 1
        message = RawMessage(topic, payload if isinstance(payload, bytes) else json.dumps(payload).encode(), retain)
        batch, dead = self.pipeline.decode([message], NOW_NS + self.second * 10**9)
        self.engine.evaluate(batch, self.second)
        return batch, dead

    def pump(self, kind, *metrics, seq=0, at_s=0):
        """Send a message of the pump or its edge node."""
        topic = f"spBv1.0/G/{kind}/E" + ("" if kind.startswith("N") else "/D")
        message = Message(timestamp_ms=NOW_MS + at_s * 1000, seq=seq, metrics=list(metrics))
        return self.hear(topic, encode_payload(message))


@pytest.fixture
def program():
    """Return a program that has heard both devices."""
    program = Program()
    program.hear(UP, {"v": 1, "ts": NOW_MS, "m": {"p": 5.0}})
    program.pump("NBIRTH")
    program.pump("DBIRTH", Metric(name="p", alias=1, datatype=10, value=5.0), seq=1)
    return program


def test_status_offline_makes_the_device_blind_at_the_received_time(program):
    """The Last Will is one reading with a server's time; its own device alone is blind."""
    batch, dead = program.hear(STATUS, {"online": False, "ts": 5})

    assert ([0.0], [Quality.TIME_SERVER], []) == (batch.value.tolist(), batch.quality.tolist(), dead)
    assert [batch.received_ns] == batch.time_ns.tolist()
    assert (BLIND, ALIVE) == (program.engine.health()[PRESSURE], program.engine.health()[PUMP_PRESSURE])


def test_status_retained_tells_the_state_of_now(program):
    """The broker keeps the state for whoever connects later: that is what retained is for."""
    batch, dead = program.hear(STATUS, {"online": False}, retain=True)

    assert ([ONLINE], []) == (batch.sensor.tolist(), dead)
    assert BLIND == program.engine.health()[PRESSURE]


def test_status_retained_online_is_no_sign_of_life(program):
    """An old `online` on the broker never makes a blind sensor see."""
    program.hear(STATUS, {"online": False})
    program.hear(STATUS, {"online": True}, retain=True)

    assert BLIND == program.engine.health()[PRESSURE]


def test_readings_retained_are_still_refused(program):
    """Only formats that tell states may be retained."""
    _, dead = program.hear(UP, {"v": 1, "m": {"p": 0.0}}, retain=True)

    assert [DeadLetterReason.RETAINED] == [letter.reason for letter in dead]


def test_status_of_a_device_without_the_sensor_is_let_pass(program):
    """Who did not register `online` does not judge by it."""
    batch, dead = program.hear("lifeline/v1/fire/T/WP/status", {"online": False})

    assert (0, []) == (len(batch), dead)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", DeadLetterReason.SYNTAX),
        (b"offline", DeadLetterReason.SYNTAX),
        (b'{"online":0}', DeadLetterReason.SCHEMA),
        (b"{}", DeadLetterReason.SCHEMA),
    ],
)
def test_status_of_another_form_is_refused(program, payload, reason):
    """Also the empty message with which a retained state is deleted."""
    _, dead = program.hear(STATUS, payload)

    assert [reason] == [letter.reason for letter in dead]


def test_sparkplug_death_and_rebirth_are_judged(program):
    """Death is blind at once, the next birth with its values sees."""
    program.pump("NDEATH")
    gone = program.engine.health()[PUMP_PRESSURE]
    program.pump("NBIRTH")
    program.pump("DBIRTH", Metric(name="p", alias=1, datatype=10, value=5.0), seq=1, at_s=4)

    assert (BLIND, ALIVE) == (gone, program.engine.health()[PUMP_PRESSURE])


def test_sparkplug_death_of_a_device_without_the_sensor_is_told(program):
    """A death that nobody can see is a dead letter: the register lacks a line."""
    _, dead = program.pump("NDEATH")
    assert [] == dead
    _, dead = Program().hear("spBv1.0/G/DDEATH/E/X", encode_payload(Message(seq=0)))

    assert [DeadLetterReason.UNKNOWN_SENSOR] == [letter.reason for letter in dead]


def test_sparkplug_historical_value_is_stored_flagged_and_never_judged(program):
    """A pressure of an hour ago is no warning now, even beside the value of now; it is stored with its own time."""
    old = Metric(alias=1, timestamp_ms=NOW_MS - 3_600_000, is_historical=True, value=0.0)
    now = Metric(alias=1, timestamp_ms=NOW_MS + 2000, value=5.0)
    less_old = Metric(alias=1, timestamp_ms=NOW_MS + 1000, is_historical=True, value=0.0)
    batches = [program.pump("DDATA", old, seq=2)[0], program.pump("DDATA", less_old, now, seq=3)[0]]
    history = Quality.HISTORICAL

    assert [-3600, 1, 2] == [(int(each) - NOW_NS) // 10**9 for batch in batches for each in batch.time_ns]
    bits = [int(each & ~np.uint16(Quality.RATE)) for batch in batches for each in batch.quality]
    assert [history | Quality.LATE, history, 0] == bits
    assert (0, 2) == (program.engine.levels().max(), program.engine.counts["readings_not_judged", "historical"])


def test_sparkplug_history_newer_than_any_value_of_now_is_stored_and_not_judged(program):
    """Whatever an edge node calls history, also before its first value of now, is kept and raises nothing."""
    ahead = Metric(alias=1, timestamp_ms=NOW_MS + 60_000, is_historical=True, value=0.0)
    batch, dead = program.pump("DDATA", ahead, seq=2)

    assert ([0.0], [], 0) == (batch.value.tolist(), dead, program.engine.levels().max())

"""Bad messages among good ones: every good reading is stored, every bad message is kept with its reason."""

import json
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from collector.journal.reader import JournalReader
from lifeline.reports.ledgers import open_ledger_for_lookup
from simulators.load import send_load
from tests.end_to_end.bad_messages import Bad, bad_messages
from tests.end_to_end.city import (
    city_messages,
    embedded_points,
    ledger_lines,
    published_points,
    sent,
    undisturbed,
    without_position,
    write_district,
)
from tests.services.listener import Listener
from tests.services.program import Program

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(600)]

_GOOD, _BAD = 10_000, 1_000
_KEPT_BYTES = 4096
_SOON_S = 30.0
"""A good message after all the bad ones is stored and evaluated within this, seconds. It takes 0.1 s here, but a disk
that stands still for seconds is no fault of the bad messages."""
_PATIENCE_S = 180.0
"""For everything else that has to be waited for."""
_MACHINE_ALARMS = frozenset({"journal_hangs", "ledger_hangs", "rules_late"})
_MACHINE_EVENTS = frozenset({"outage_started", "outage_ended"})
"""Log events of a slow disk, and of a gateway that answers late in a busy test."""


def _kept(topic: str, payload: bytes, reason: str) -> tuple[str, bytes, str]:
    """Return the dead letter of a message, with the payload cut as in the journal."""
    return topic, payload[:_KEPT_BYTES], reason


def _dead_letters(program: Program) -> Counter[tuple[str, bytes, str]]:
    configuration = program.configuration
    reader = JournalReader(configuration.settings.journal.path, configuration.register.sensor_ids)
    letters = reader.dead_letters(10 * _BAD)
    reader.close()
    return Counter(_kept(letter.topic, letter.payload, str(letter.reason)) for letter in letters)


def _shuffled(good: Sequence[tuple[str, bytes]], bad: Sequence[Bad], chance: random.Random) -> list[tuple[str, bytes]]:
    """Return both, the good ones in their order and the bad ones at random places among them."""
    places = sorted(chance.sample(range(len(good) + len(bad)), len(bad)))
    mixed = list(good)
    for place, each in zip(places, bad, strict=True):
        mixed.insert(place, (each.topic, each.payload))
    return mixed


def _with_key_twice(topic: str, payload: bytes) -> tuple[str, bytes]:
    """Return a good message in which every value stands twice: of a key written twice the last one counts."""
    values = json.dumps(json.loads(payload)["m"], separators=(",", ":"))[1:-1].encode()
    assert values in payload
    wrong = b",".join(b'"%s":666' % each.split(b'"')[1] for each in values.split(b","))
    return topic, payload.replace(values, wrong + b"," + values)


def _left_at_the_broker(port: int) -> list[tuple[str, bytes]]:
    """Return the messages of the session of the stopped program, up to a message of our own.

    The program's last message to itself may be among them: the end does not wait for it.
    """
    sentinel = b"the end"
    heir = Listener(port, "the/end", client_id="program")
    send_load("127.0.0.1", port, [("the/end", sentinel)])
    deadline_s = time.monotonic() + _PATIENCE_S
    try:
        while sentinel not in heir.payloads and time.monotonic() < deadline_s:
            time.sleep(0.02)
        assert sentinel in heir.payloads
        left = [(message.topic, message.payload) for message in heir.messages if message.payload != sentinel]
        return [each for each in left if each[0] != "lifeline/canary/program"]
    finally:
        heir.close()


def _complaints(program: Program, begin: int) -> list[dict]:
    """Return the warnings and errors in the log that are not about the machine."""
    lines = [line for line in program.events(begin) if line["level"] in ("warning", "error")]
    lines = [line for line in lines if line.get("alarm") not in _MACHINE_ALARMS]
    return [line for line in lines if line["event"] not in _MACHINE_EVENTS]


def _assert_same(expected: Mapping, got: Mapping) -> None:
    """Compare two mappings, so that a failure shows the first differences and not ten thousand equal rows."""
    assert [] == sorted(expected.keys() - got.keys(), key=repr)[:5], "missing"
    assert [] == sorted(got.keys() - expected.keys(), key=repr)[:5], "too many"
    assert [] == [(key, expected[key], got[key]) for key in expected if expected[key] != got[key]][:5], "different"


def test_program_fed_1000_bad_messages_among_10000_good_ones_keeps_all(tmp_path, make_program, mosquitto):
    """All good ones are in the history, all bad ones in the dead letters, and the session never stalls."""
    district = write_district(tmp_path / "district")
    program = make_program(district=str(district))
    program.start()
    begin = program.log_bytes()
    messages = city_messages(district, _GOOD, seed=3)
    good = [_with_key_twice(*each) if i % 100 == 0 else each for i, each in enumerate(sent(messages))]
    bad = bad_messages(_BAD, seed=3)
    chance = random.Random(3)  # noqa: S311 - the same places every time
    first, last = good[:-1], good[-1]

    send_load(mosquitto.host, mosquitto.port, _shuffled(first, bad, chance))
    program.wait_until(lambda: program.metrics()["messages_total", ""] >= len(first) + len(bad), _PATIENCE_S)
    program.wait_until(program.is_idle, _PATIENCE_S)
    send_load(mosquitto.host, mosquitto.port, [last])
    program.wait_until(lambda: program.metrics()["messages_total", ""] >= len(good) + len(bad), _SOON_S)
    program.wait_until(program.is_idle, _SOON_S)

    assert 1 == program.metrics()["connections_total", ""]
    assert [] == _complaints(program, begin)
    assert 0 == program.stop()
    assert [] == _left_at_the_broker(mosquitto.port)
    _assert_same(Counter(_kept(each.topic, each.payload, str(each.reason)) for each in bad), _dead_letters(program))
    configuration = program.configuration
    stored = embedded_points(configuration.settings, configuration.register)
    _assert_same(published_points(messages, configuration.register), stored)
    ledger = open_ledger_for_lookup(configuration.settings.ledger.url)
    assert undisturbed(configuration, program.links, messages).events == without_position(ledger_lines(ledger))
    ledger.close()

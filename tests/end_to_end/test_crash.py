"""The program is killed with -9 again and again while it works; no reading is lost, and no message differs.

Hazards are compared with an undisturbed run. The silence of sensors is not, for it depends on when the program
listened: the district's sensors may be silent for an hour here, and no device alarm may come of a restart.
"""

import math
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from alerts.notification import Delivery
from collector.journal.reader import JournalReader
from lifeline.reports.ledgers import open_ledger_for_lookup
from simulators.load import send_load
from simulators.message import DeviceMessage
from simulators.sms_gateway import SmsGateway
from tests.end_to_end.city import (
    Outcome,
    Points,
    city_messages,
    embedded_points,
    influxdb_points,
    ledger_lines,
    published_points,
    sent,
    told,
    undisturbed,
    without_position,
    write_district,
)
from tests.services.influxdb import InfluxDB
from tests.services.mosquitto import Mosquitto
from tests.services.program import Program, sms_channel

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(600)]

_WORKING_S = 0.8
"""A kill comes at a random moment of this time after the connection, while the queue of the broker drains."""
_NETWORK_S = 0.03
"""Bytes to the gateway, and back, take this long, so that a kill finds messages under way."""
_FEW_READINGS = 200
"""In one write to the history, so that a kill finds one between write and cursor."""
_STARTING_S = 4.0
"""Every fourth kill comes at a random moment of this time after the start instead."""
_COMPRESSED_S = 86_400
"""The stream lives more than an hour in a minute: nothing of it is too late to be judged."""
_PIECE = 100
_UNDER_WAY = 8
"""Messages that one life of the program has under way at its channel, at most."""


@dataclass(frozen=True)
class Story:
    """The published messages, their expected outcome, and the stores of the program."""

    program: Program
    gateway: SmsGateway
    messages: list[DeviceMessage]
    expected: Outcome
    kills: int

    @property
    def points(self) -> Points:
        """The published messages."""
        return published_points(self.messages, self.program.configuration.register)


@dataclass(frozen=True)
class Stage:
    """Where a story plays."""

    broker: Mosquitto
    gateway: SmsGateway
    district: Path
    make_program: Callable[..., Program]
    sms: Mapping[str, object]
    """The channel to the gateway."""


@pytest.fixture
def stage(tmp_path, mosquitto, sms_gateway, make_program, chaos_proxy) -> Stage:
    """Return broker, gateway and district."""
    proxy = chaos_proxy(sms_gateway.port)
    proxy.delay_s = _NETWORK_S
    sms = sms_channel(f"http://{proxy.host}:{proxy.port}/cgi-bin/sendsms")
    return Stage(mosquitto, sms_gateway, write_district(tmp_path / "district"), make_program, sms)


def _play(stage: Stage, n_messages: int, kills: int, **history: object) -> Story:
    """Publish `n_messages` while the program is killed `kills` times; return when all that can follow has followed."""
    program = stage.make_program(
        district=str(stage.district),
        ledger={"snapshot_s": 3},
        intake={"late_after_s": _COMPRESSED_S},
        channels=[stage.sms],
        history={"batch_readings": _FEW_READINGS, **history},
    )
    messages = city_messages(stage.district, n_messages, seed=kills)
    begin_s = time.monotonic()
    program.start()
    pieces = _pieces(messages, time.monotonic() - begin_s + _WORKING_S / 2, kills)
    publishing = threading.Thread(target=pieces.publish, args=(stage.broker,))
    publishing.start()
    _kill(program, kills, pieces)
    publishing.join(120)
    assert not publishing.is_alive()
    _wait_for(program, messages[-1])
    program.wait_until(program.is_idle, 60)
    assert 0 == program.stop()
    expected = undisturbed(program.configuration, program.links, messages)
    return Story(program, stage.gateway, messages, expected, kills)


@dataclass(frozen=True)
class Pieces:
    """Messages that leave piece by piece, as many for each life of the program, spread over it."""

    messages: list[DeviceMessage]
    pause_s: float
    """Between two pieces."""
    for_each_life: int
    allowed: threading.Semaphore
    hurry: threading.Event
    """Set when nothing has to be waited for any more."""

    def publish(self, broker: Mosquitto) -> None:
        """Send all of them in their order; each piece is acknowledged before the next is sent."""
        for i in range(0, len(self.messages), _PIECE):
            if not self.hurry.wait(self.pause_s):
                self.allowed.acquire()
            send_load(broker.host, broker.port, sent(self.messages[i : i + _PIECE]))

    def begin_life(self) -> None:
        """Let messages of an earlier run leave."""
        self.allowed.release(self.for_each_life)

    def finish(self) -> None:
        """Let the rest leave at once."""
        self.hurry.set()
        self.allowed.release(len(self.messages))


def _pieces(messages: list[DeviceMessage], life_s: float, lives: int) -> Pieces:
    n_pieces = math.ceil(len(messages) / lives / _PIECE)
    return Pieces(messages, life_s / n_pieces, n_pieces, threading.Semaphore(n_pieces), threading.Event())


def _kill(program: Program, kills: int, pieces: Pieces) -> None:
    """Kill and restart the program `kills` times; leave it running."""
    chance = random.Random(kills)  # noqa: S311 - the same kills every time
    begin = 0
    for i in range(kills):
        if i % 4 < 3:
            program.wait_until(lambda begin=begin: _has_connected(program, begin), 60)
            time.sleep(chance.uniform(0, _WORKING_S))
        else:
            time.sleep(chance.uniform(0, _STARTING_S))
        program.kill()
        begin = program.log_bytes()
        program.spawn()
        pieces.begin_life()
    pieces.finish()


def _has_connected(program: Program, begin: int) -> bool:
    with program.process.log.open("rb") as log:
        log.seek(begin)
        return b'"broker_connected"' in log.read()


def _wait_for(program: Program, last: DeviceMessage) -> None:
    """Return once the journal holds `last`: the broker keeps the order, so that it then holds everything."""
    settings, register = program.configuration.settings, program.configuration.register
    sensors = {register.channel_index[last.device, channel] for channel in last.values}
    time_ns = last.measured_ns // 1_000_000 * 1_000_000
    reader = JournalReader(settings.journal.path, register.sensor_ids)
    position = 0

    def has_come() -> bool:
        nonlocal position
        entries = reader.read(position, 1000)
        position = entries[-1].position if entries else position
        return any(
            time == time_ns and sensor in sensors
            for entry in entries
            for sensor, time in zip(entry.batch.sensor, entry.batch.time_ns, strict=True)
        )

    program.wait_until(has_come, 120)
    reader.close()


def _check_alarms(story: Story) -> None:
    """Events are those of a replay byte for byte, and in event time those of an undisturbed run."""
    ledger = open_ledger_for_lookup(story.program.configuration.settings.ledger.url)
    lines = ledger_lines(ledger)
    ledger.close()
    replayed = story.program.run("replay")

    assert 0 == replayed.returncode, replayed.stderr
    assert "".join(f"{line}\n" for line in lines) == replayed.stdout
    assert story.expected.events == without_position(lines)


def _check_messages(story: Story) -> None:
    """Every message was sent, with one text for each id; only superseded messages are missing.

    A superseded message may still have arrived if it was tried. The kill then came after the gateway had it and before
    the ledger knew, and the next start withdrew it. A message that was never tried has not arrived.
    """
    arrived = told(story.gateway, story.program.links)
    superseded = {each.notification.id: each for each in _deliveries(story) if each.last_reason == "superseded"}
    never_tried = {identity for identity, each in superseded.items() if not each.attempts}
    expected = story.expected.messages

    assert [] == sorted(expected.keys() - superseded.keys() - arrived.keys()), "missing"
    assert [] == sorted(arrived.keys() - expected.keys()), "invented"
    assert [] == sorted(arrived.keys() & never_tried), "sent although withdrawn unsent"
    assert {} == {identity: copies for identity, copies in arrived.items() if {expected[identity]} != set(copies)}, (
        "another text"
    )
    assert sum(map(len, arrived.values())) - len(arrived) <= story.kills * _UNDER_WAY


def _deliveries(story: Story) -> list[Delivery]:
    ledger = open_ledger_for_lookup(story.program.configuration.settings.ledger.url)
    try:
        alerts = dict.fromkeys(event.alert for event in ledger.alarm_events.read())
        return [each for alert in alerts for each in ledger.outbox.read_deliveries(alert)]
    finally:
        ledger.close()


def test_program_killed_20_times_over_influxdb_loses_and_invents_nothing(stage: Stage, influxdb: InfluxDB):
    """Points, alarm events and SMS of 50,000 messages are those of a program without a kill."""
    history = {"kind": "influxdb", "url": influxdb.url, "database": influxdb.database}
    story = _play(stage, 50_000, 20, **history)

    assert story.points == influxdb_points(influxdb)
    _check_alarms(story)
    _check_messages(story)


def test_program_killed_5_times_over_embedded_history_loses_and_invents_nothing(stage: Stage):
    """The same with the stores that ship with the program."""
    story = _play(stage, 8_000, 5)

    configuration = story.program.configuration
    assert story.points == embedded_points(configuration.settings, configuration.register)
    _check_alarms(story)
    _check_messages(story)

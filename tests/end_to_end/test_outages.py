"""Servers of the program stop and start: no reading is lost, no thread dies, and the log reports it once."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from lifeline.reports.ledgers import open_ledger_for_lookup
from simulators.message import DeviceMessage
from simulators.publisher import Publisher
from simulators.sms_gateway import SmsGateway
from tests.end_to_end.city import (
    Outcome,
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
from tests.services.postgresql import PostgreSQL
from tests.services.program import Program

pytestmark = pytest.mark.end_to_end

_MESSAGES_PER_S = 300
_BEFORE_S = 3.0
_BACK_S = 60
"""The longest pauses between two tries are 30 s and 34.5 s; everything must be well again within this."""


@dataclass(frozen=True)
class Run:
    """A program at work, devices that keep every message until its PUBACK, and where its log began to count."""

    program: Program
    gateway: SmsGateway
    messages: list[DeviceMessage]
    publishing: threading.Thread
    publisher: Publisher
    begin: int

    def finish(self) -> list[tuple[str, str]]:
        """Wait until all published messages are through; returns the log lines meanwhile, then stop."""
        self.publishing.join(120)
        assert self.publisher.drain(_BACK_S)
        last = len(self.messages)
        self.program.wait_until(lambda: self.program.metrics()["messages_total", ""] >= last, _BACK_S)
        self.program.wait_until(self.program.is_ready, _BACK_S)
        self.program.wait_until(self.program.is_idle, _BACK_S)
        self.program.wait_until(lambda: not _troubles(self.program), _BACK_S)
        said = [(line["event"], line.get("what", "")) for line in self.program.events(self.begin)]
        assert 0 == self.program.stop()
        return said

    @property
    def expected(self) -> Outcome:
        """The outcome of the messages in an undisturbed program."""
        return undisturbed(self.program.configuration, self.program.links, self.messages)

    def events(self) -> list[str]:
        """Return the alarm events of the ledger without positions."""
        ledger = open_ledger_for_lookup(self.program.configuration.settings.ledger.url)
        try:
            return without_position(ledger_lines(ledger))
        finally:
            ledger.close()


def _troubles(program: Program) -> list[str]:
    return [label for name, label in program.metrics() if name == "self_alarm"]


@pytest.fixture
def begin(tmp_path, make_program, mosquitto, sms_gateway) -> Iterator:
    """Return a function that starts a program with the given settings and devices that send for a time."""
    publishers = []

    def begin(sending_s: float, **sections: object) -> Run:
        district = write_district(tmp_path / "district")
        program = make_program(district=str(district), **sections)
        program.start()
        messages = city_messages(district, int(sending_s * _MESSAGES_PER_S), seed=1)
        publisher = Publisher(mosquitto.host, mosquitto.port, max_pending=len(messages))
        publisher.start()
        publishers.append(publisher)
        publishing = threading.Thread(target=_publish, args=(publisher, messages))
        publishing.start()
        time.sleep(_BEFORE_S)
        return Run(program, sms_gateway, messages, publishing, publisher, program.log_bytes())

    yield begin
    for publisher in publishers:
        publisher.stop()


def _publish(publisher: Publisher, messages: list[DeviceMessage]) -> None:
    """Publish at a steady rate, whether or not anybody takes it."""
    begin_s = time.monotonic()
    for i, (topic, payload) in enumerate(sent(messages)):
        time.sleep(max(0.0, begin_s + i / _MESSAGES_PER_S - time.monotonic()))
        publisher.publish(topic, payload)


def _influxdb(server: InfluxDB) -> dict[str, object]:
    return {"kind": "influxdb", "url": server.url, "database": server.database}


def test_program_without_influxdb_and_broker_for_a_minute_loses_nothing(begin, mosquitto: Mosquitto, influxdb):
    """Both away at once for a minute: every point and alarm event is there, and each outage has two lines."""
    run = begin(65, history=_influxdb(influxdb))
    influxdb.stop()
    mosquitto.stop()
    time.sleep(60)
    mosquitto.start()
    influxdb.start()
    said = run.finish()

    assert sorted(_BROKER_LINES + _HISTORY_LINES) == sorted(said)
    assert published_points(run.messages, run.program.configuration.register) == influxdb_points(influxdb)
    assert run.expected.events == run.events()


def test_program_without_influxdb_loses_nothing(begin, influxdb: InfluxDB):
    """The journal keeps the readings that the database cannot take; alarms go on meanwhile."""
    run = begin(9, history=_influxdb(influxdb))
    influxdb.stop()
    time.sleep(4)
    influxdb.start()
    said = run.finish()

    assert _HISTORY_LINES == said
    assert published_points(run.messages, run.program.configuration.register) == influxdb_points(influxdb)
    assert run.expected.events == run.events()


def test_program_whose_broker_restarts_loses_nothing(begin, mosquitto: Mosquitto):
    """The session and its messages survive the restart; the program comes back to them by itself."""
    run = begin(9)
    mosquitto.restart()
    said = run.finish()

    configuration = run.program.configuration
    assert _BROKER_LINES == said
    assert published_points(run.messages, configuration.register) == embedded_points(
        configuration.settings, configuration.register
    )
    assert run.expected.events == run.events()


def test_program_without_sms_gateway_sends_every_message_once_it_is_back(begin, sms_gateway: SmsGateway):
    """Each message waits for the gateway and is delivered once."""
    run = begin(10)
    sms_gateway.stop()
    time.sleep(5)
    sms_gateway.start()
    said = run.finish()
    arrived = told(sms_gateway, run.program.links)

    assert [("outage_started", "sms"), ("outage_ended", "sms")] == said
    assert run.expected.messages == {identity: copies[0] for identity, copies in arrived.items()}
    assert {1} == {len(copies) for copies in arrived.values()}


def test_program_whose_ledger_restarts_goes_on_where_it_was(begin, postgresql: PostgreSQL, postgres_url: str):
    """PostgreSQL away for some seconds: the rules wait, every event and message comes once."""
    run = begin(10, ledger={"url": postgres_url})
    postgresql.stop()
    time.sleep(5)
    postgresql.start()
    said = run.finish()
    arrived = told(run.gateway, run.program.links)

    assert sorted(_LEDGER_LINES) == sorted(said)
    assert run.expected.events == run.events()
    assert run.expected.messages == {identity: copies[0] for identity, copies in arrived.items()}


_BROKER_LINES = [("broker_lost", ""), ("broker_connected", "")]
_LEDGER_LINES = [("ledger_away", ""), ("ledger_back", ""), ("outage_started", "ledger"), ("outage_ended", "ledger")]
"""The rules wait and the dispatcher waits, each with its own beginning and end."""
_HISTORY_LINES = [("history_unavailable", ""), ("history_available", "")]

"""I/O: the demo district compressed in time, its expected outcome, and its outcome in databases and inboxes.

Event time runs as the devices say it; the messages leave as fast as a test sends them. Silence is measured in listening
time, and such a stream has none. The sensors of the district are therefore never silent here: `write_district` gives
them an hour. Hazards and their delays depend on event time only. They must be the same however the program is killed
and whatever it waits for.
"""

import csv
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from alerts.ledger.ledger import Ledger
from alerts.links import SignedLinks, TokenPurpose, verify
from collector.batch import Quality
from collector.decoding.pipeline import RawMessage
from collector.history.opening import open_history
from config.loading import load_quantities, load_register
from config.register import Register, Sensor
from config.settings import Settings, packaged_district
from lifeline.configuration import Configuration
from lifeline.runtime.wiring import build_pipeline, make_planner
from rules.engine import RuleEngine
from simulators.district import District
from simulators.message import DeviceMessage
from simulators.scenarios import Scenario, make_scenario
from simulators.sms_gateway import SmsGateway
from tests.services.influxdb import InfluxDB

SECOND_NS = 1_000_000_000
_NEVER_SILENT_S = 3600
_MESSAGES_PER_S = 11
"""Of the demo district: 22 devices, one message every 2 s."""
_EPISODE_S = 420
"""From the beginning of a scenario at an asset to the next one there."""
_LASTING_S = {"zero_pressure": 60.0, "gas_leak": 180.0, "bridge_overload": 180.0}
_PIECE_NS = 200 * SECOND_NS
_CHUNK = 500

Points = dict[tuple[str, int], tuple[float, int]]
"""(sensor id, UTC nanoseconds) to (value in the canonical unit, quality bits but those of plausibility)."""
_JUDGED = Quality.RATE | Quality.SPIKE | Quality.FLAT
"""Flags of the checks on a value: a day in a minute is full of spikes, but they lose no point."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a stream in a program without a disturbance."""

    events: list[str]
    """Canonical lines of all alarm events, without journal positions, in order."""
    messages: dict[str, tuple[str, str]]
    """Notification id to phone number and text."""


def write_district(folder: Path) -> Path:
    """Return `folder` with a copy of the demo district: sensors are silent after an hour, ends are sent at once."""
    shutil.copytree(packaged_district(), folder)
    path = folder / "sensors.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(row | {"stale_after_s": _NEVER_SILENT_S} for row in rows)
    routes = folder / "routes.yaml"
    # A day in a minute: what waits by the time of the journal would depend on when the program was killed.
    routes.write_text(routes.read_text(encoding="utf-8").replace("settle_s: 5", "settle_s: 0"), encoding="utf-8")
    return folder


def city_messages(folder: Path, n_messages: int, seed: int) -> list[DeviceMessage]:
    """Return the messages of the district in `folder` in a time that ends now, with hazards at many assets."""
    quantities = load_quantities()
    register = load_register(folder, quantities)
    until_ns = time.time_ns()
    start_ns = until_ns - (n_messages // _MESSAGES_PER_S + 60) * SECOND_NS
    scenarios = list(_scenarios(register, start_ns, until_ns))
    messages: list[DeviceMessage] = []
    for begin_ns in range(start_ns, until_ns, _PIECE_NS):
        # What a district costs to simulate grows with the scenarios that it is told about.
        end_ns = min(begin_ns + _PIECE_NS, until_ns)
        near = [each for each in scenarios if each.span.start_ns <= end_ns and each.span.end_ns + _PIECE_NS >= begin_ns]
        messages += District(register, quantities, seed, tuple(near)).between(begin_ns, end_ns)
    return messages[:n_messages]


def _scenarios(register: Register, start_ns: int, until_ns: int) -> Iterator[Scenario]:
    """Give scenarios at every tower, two manholes and the bridge, again and again, none at the same time as another."""
    places = [("zero_pressure", asset.id) for asset in register.assets.values() if asset.domain == "fire"]
    places += [("gas_leak", "G-0001"), ("gas_leak", "G-0004"), ("bridge_overload", "B-0001")]
    for i, (name, asset) in enumerate(places):
        begin_ns = start_ns + (20 + 37 * i) * SECOND_NS
        lasting_s = _LASTING_S[name]
        while begin_ns + (lasting_s + 90) * SECOND_NS < until_ns:
            yield make_scenario(name, register, begin_ns, asset=asset, duration_s=lasting_s)
            begin_ns += _EPISODE_S * SECOND_NS


def sent(messages: Sequence[DeviceMessage]) -> list[tuple[str, bytes]]:
    """Return topic and payload of each message."""
    return [(message.topic, message.payload) for message in messages]


def published_points(messages: Sequence[DeviceMessage], register: Register) -> Points:
    """Return the points that a history must hold after `messages`, worked out without the program's own decoders."""
    points: Points = {}
    for message in messages:
        values = message.values if message.battery is None else {**message.values, "bat": message.battery}
        for channel, value in values.items():
            sensor = register.sensors[register.channel_index[message.device, channel]]
            time_ns = message.measured_ns // 1_000_000 * 1_000_000
            points[sensor.id, time_ns] = (value * sensor.scale + sensor.offset, 0)
    return points


def undisturbed(configuration: Configuration, links: SignedLinks, messages: Sequence[DeviceMessage]) -> Outcome:
    """Return the outcome of decoding, rules and planning for `messages`, in one process without a disturbance."""
    engine = RuleEngine(configuration.ruleset, configuration.register)
    planner = make_planner(configuration, engine, links)
    pipeline, received_ns = build_pipeline(configuration), time.time_ns()
    open_alerts = ()
    tallies = {}
    events = []
    planned = []
    for i in range(0, len(messages), _CHUNK):
        raw = [RawMessage(topic, payload) for topic, payload in sent(messages[i : i + _CHUNK])]
        batch, letters = pipeline.decode(raw, received_ns)
        assert [] == letters
        found = engine.evaluate(batch, i + 1)
        events += without_position(found.lines(engine.alarms))
        step = planner.plan_step(found, received_ns, open_alerts, tallies)
        tallies |= {each.alarm: each for each in step.transition_counts}
        open_alerts, planned = step.open_alerts, [*planned, *step.planned]
    notifications = [each.notification for each in planned]
    return Outcome(events, {each.id: (each.address, each.text) for each in notifications})


def without_position(lines: Sequence[str]) -> list[str]:
    """Return canonical event lines without their last column, the journal position."""
    return [line[: line.rindex(',"position"')] for line in lines]


def ledger_lines(ledger: Ledger) -> list[str]:
    """Return the canonical lines of all alarm events of a ledger."""
    return [event.line for event in ledger.alarm_events.read()]


def told(gateway: SmsGateway, links: SignedLinks) -> dict[str, list[tuple[str, str]]]:
    """Return notification id to (phone number, text) of every SMS that the gateway took for it."""
    found: dict[str, list[tuple[str, str]]] = {}
    for sms in gateway.inbox():
        token = sms.report_url.rpartition("/")[2].partition("?")[0]
        identity = verify(links.secret, token, TokenPurpose.RECEIPT)
        assert identity is not None, sms
        found.setdefault(identity, []).append((sms.to, sms.text))
    return found


def influxdb_points(influxdb: InfluxDB) -> Points:
    """Return everything that the database holds."""
    rows = influxdb.query('SELECT "value", "quality" FROM /.*/ GROUP BY "sensor"')
    return {(row["sensor"], row["time"]): (float(row["value"]), row["quality"] & ~_JUDGED) for row in rows}


def embedded_points(settings: Settings, register: Register) -> Points:
    """Return everything that the embedded history of a stopped program holds."""
    history = open_history(settings.history, register)
    try:
        return dict(chain.from_iterable(_series(history, i, sensor) for i, sensor in enumerate(register.sensors)))
    finally:
        history.close()


def _series(history, number: int, sensor: Sensor) -> Iterator[tuple[tuple[str, int], tuple[float, int]]]:
    series = history.read(number, 0, 2**62)
    for time_ns, value, quality in zip(series.time_ns, series.value, series.quality, strict=True):
        yield (sensor.id, int(time_ns)), (float(value), int(quality) & ~_JUDGED)

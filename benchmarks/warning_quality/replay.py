"""Recordings through the real path: messages, decoding, quality, rules, alarms.

Comes in: a recording (sensors and their readings), a rule file. Goes out: alarms. The messages are Lifeline JSON
with the times of the recording; the clock of the receiver follows them, so nothing knows that it is not today.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.warning_quality.episodes import Alarm, Event
from collector.decoding.pipeline import Pipeline, RawMessage
from config.quantities import Quantity
from config.register import Asset, Neighbour, Register, Sensor
from config.settings import IntakeSettings, Subscription
from config.time_units import SECOND_NS
from rules.engine import RuleEngine
from rules.events import Dimension
from rules.loading.loading import load_rules
from rules.rule import RuleSet

RULES = Path(__file__).parent / "rules"
_TOPIC = "lifeline/v1/{domain}/{asset}/{device}/up"
_TOGETHER_S = 600.0
"""Messages of so long, or of half of the stale time, are taken at once; the intake calls older ones late."""
_MOST_MESSAGES = 300


@dataclass(frozen=True, slots=True)
class Recording:
    """The readings of sensors of one site, and the events."""

    name: str
    register: Register
    quantities: dict[str, Quantity]
    time_ns: NDArray[np.int64]
    """[n], ascending."""
    value: NDArray[np.float64]
    """[n, sensors], NaN where nothing was said."""
    events: tuple[Event, ...]
    scored_ns: tuple[int, int]
    """Only this part is scored; the rows before it are for learning."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """The result of a rule file."""

    alarms: tuple[Alarm, ...]
    """Of the hazard dimension."""
    faults: tuple[Alarm, ...]
    """Of the health dimension."""
    counts: Counter[tuple[str, str]]
    """Of intake and rules."""


def quantity(name: str, low: float, high: float, decimals: int, unit: str = "") -> Quantity:
    """Return a quantity of a recording; nothing is known of how fast it may change."""
    return Quantity(name, name, name, unit, low, high, np.inf, decimals, {}, "assumed: what this instrument can say")


def sensor(asset: str, device: str, channel: str, of: Quantity, cadence_s: float, stale_s: float = 0.0) -> Sensor:
    """Return a sensor that is stale after three of its cadences, or `stale_s`."""
    stale_s = stale_s or 3 * cadence_s
    return Sensor(f"{device}.{channel}", asset, device, channel, of.name, 1.0, 0.0, cadence_s, stale_s, "")


def register_of(
    domain: str, sensors: Sequence[Sensor], neighbours: dict[str, Sequence[Neighbour]] | None = None
) -> Register:
    """Return the register of `sensors`, with their assets in one grid."""
    names = dict.fromkeys(each.asset for each in sensors)
    assets = {name: Asset(name, "site", domain, name, name, "G1", 29.5, 106.5) for name in names}
    return Register({}, assets, list(sensors), {}, (), neighbours=neighbours or {})


Heard = Iterable[tuple[int, list[RawMessage]]]
"""When messages are received, and those that are taken together."""


def replay(recording: Recording, *rules: Path, heard: Heard | None = None) -> Replayed:
    """Return the alarms of the rule files for `recording`, with messages received as `commits` says."""
    register = recording.register
    limits = IntakeSettings()
    subscription = Subscription(filter="lifeline/v1/#", template=_TOPIC, decoder="lifeline_json")
    pipeline = Pipeline(register, recording.quantities, [subscription], limits)
    files = [load_rules(each, register, recording.quantities) for each in rules]
    ruleset = RuleSet(tuple(rule for each in files for rule in each), "/".join(each.version for each in files))
    engine = RuleEngine(ruleset, register)
    steps: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for position, (received_ns, messages) in enumerate(commits(recording) if heard is None else heard, 1):
        batch, letters = pipeline.decode(messages, received_ns)
        assert not letters, letters[0]
        events = engine.evaluate(batch, position)
        for i in range(len(events)):
            episode = int(events.alarm[i]), int(events.episode_ns[i])
            steps.setdefault(episode, []).append((int(events.time_ns[i]), int(events.level_after[i])))
    end_ns = int(recording.time_ns[-1])
    said: dict[Dimension, list[Alarm]] = {Dimension.HAZARD: [], Dimension.HEALTH: []}
    for (number, begin_ns), parts in steps.items():
        key = engine.alarms[number]
        last_ns = parts[-1][0] if parts[-1][1] == 0 else end_ns
        said[key.dimension].append(Alarm(register.sensors[key.sensor].id, begin_ns, last_ns, tuple(parts), key.id))
    return Replayed(tuple(said[Dimension.HAZARD]), tuple(said[Dimension.HEALTH]), pipeline.counts + engine.counts)


def commits(recording: Recording) -> Iterator[tuple[int, list[RawMessage]]]:
    """Yield when messages are received, and those that are taken together: one for each device and time."""
    devices = _devices(recording.register)
    time_ns = recording.time_ns
    together_s = max(_TOGETHER_S, min(each.stale_after_s for each in recording.register.sensors) / 2)
    begin = 0
    while begin < len(time_ns):
        limit_ns = time_ns[begin] + round(together_s * 1e9)
        end = min(int(np.searchsorted(time_ns, limit_ns)), begin + max(1, _MOST_MESSAGES // len(devices)))
        messages = [
            message
            for row in range(begin, max(end, begin + 1))
            for message in _messages(devices, int(time_ns[row]), recording.value[row])
        ]
        begin = max(end, begin + 1)
        yield int(time_ns[begin - 1]) + SECOND_NS, messages


def _devices(register: Register) -> list[tuple[str, list[str], list[int]]]:
    """Return topic, channels and columns of each device."""
    columns: dict[str, list[int]] = {}
    for number, each in enumerate(register.sensors):
        columns.setdefault(each.device, []).append(number)
    found = []
    for device, numbers in columns.items():
        first = register.sensors[numbers[0]]
        topic = _TOPIC.format(domain=register.assets[first.asset].domain, asset=first.asset, device=device)
        found.append((topic, [register.sensors[number].channel for number in numbers], numbers))
    return found


def _messages(
    devices: Sequence[tuple[str, list[str], list[int]]], time_ns: int, value: NDArray[np.float64]
) -> Iterator[RawMessage]:
    for topic, channels, numbers in devices:
        pairs = zip(channels, value[numbers].tolist(), strict=True)
        said = {channel: number for channel, number in pairs if number == number}  # noqa: PLR0124 - not NaN
        if said:
            yield RawMessage(topic, msgspec.json.encode({"v": 1, "ts": time_ns // 1_000_000, "m": said}))

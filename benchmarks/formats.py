"""Decoding and judging a reading in each payload format, against Lifeline JSON with as many readings a message.

Both take the same readings of the same sensors through the pure half of the intake: decode, find the sensor, scale,
flag. The two run in turns; the figure is the best of the rounds, because what disturbs a run only makes it slower.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from benchmarks.figures import Figure
from benchmarks.town import make_register
from collector.decoders import DECODERS
from collector.payload import NO_TIME, Columns
from collector.pipeline import Pipeline, RawMessage
from config.loading import load_quantities
from config.register import Register
from config.settings import IntakeSettings, Subscription

_READINGS = 20_000
_ROUNDS = 5
_COMMIT = 500
_START_NS = 1_750_000_000_000_000_000
_MS = 1_000_000
_DEVICES = 100
"""They send in turn, so that a commit holds few readings of one sensor, as it does in a city."""


@dataclass(frozen=True)
class _Shape:
    """How a format is measured."""

    channels: int = 10
    """Readings of one time in a message."""
    moments: int = 1
    """Times in a message."""
    options: Mapping[str, object] = field(default_factory=dict)
    in_topic: bool = False
    """Whether the topic names the channel."""
    timed: bool = True


_SHAPES: Mapping[str, _Shape] = {
    "plain_value": _Shape(channels=1, in_topic=True, timed=False),
    "influx_line": _Shape(),
    "senml_json": _Shape(),
    "senml_cbor": _Shape(),
    "chirpstack_v4": _Shape(),
    "the_things_stack_v3": _Shape(),
    "thingsboard_device": _Shape(),
    "thingsboard_gateway": _Shape(moments=10),
    "sensorthings": _Shape(channels=1),
    "fiware_iota_json": _Shape(),
    "openremote_attribute": _Shape(channels=1, in_topic=True, timed=False),
    "json_mapping": _Shape(options={"time": "$.at", "values": {f"c{i:02}": f"$.values.c{i:02}" for i in range(10)}}),
    "waveform": _Shape(channels=1, moments=1000, options={"channels": ["c00"]}),
}


def measure() -> Iterator[Figure]:
    """Yield readings a second of each format and its ratio to Lifeline JSON."""
    for name, shape in _SHAPES.items():
        ours, theirs = _rates(name, shape)
        yield Figure(f"formats.{name}.readings", theirs, "1/s")
        yield Figure(f"formats.{name}.ratio_to_lifeline_json", theirs / ours, "ratio", ">= 0.4")


def _rates(name: str, shape: _Shape) -> tuple[float, float]:
    """Return readings a second of Lifeline JSON and of the format."""
    runs = [_messages("lifeline_json", shape), _messages(name, shape)]
    best = [float("inf"), float("inf")]
    for _ in range(_ROUNDS):
        for place, (pipeline, messages) in enumerate(runs):
            begin = time.perf_counter()
            readings = 0
            for start in range(0, len(messages), _COMMIT):
                batch, dead = pipeline.decode(messages[start : start + _COMMIT], _START_NS + 60_000 * _MS)
                readings += len(batch)
                assert not dead, dead[0]
            best[place] = min(best[place], (time.perf_counter() - begin) / readings)
    return 1 / best[0], 1 / best[1]


def _messages(name: str, shape: _Shape) -> tuple[Pipeline, list[RawMessage]]:
    """Return a pipeline that reads the format and the messages for it, the devices in turn."""
    level = "/{channel}" if shape.in_topic and name != "lifeline_json" else ""
    base = DECODERS[name]
    options = dict(shape.options) if base.with_options is not None else {}
    decoder = base if base.with_options is None else base.with_options(options)
    subscription = Subscription(filter="#", template=f"{name}/{{device}}{level}", decoder=name, options=options)
    pipeline = Pipeline(_register(name), load_quantities(), [subscription], IntakeSettings())
    messages = []
    for i in range(_READINGS // (shape.channels * shape.moments)):
        turn, place = divmod(i, _DEVICES)
        columns = _columns(name, shape, f"D{place:05}", _START_NS + turn * shape.moments * _MS)
        topic = f"{name}/D{place:05}" + ("/c00" if level else "")
        messages.append(RawMessage(topic, decoder.encode(columns)))
    return pipeline, messages


def _columns(name: str, shape: _Shape, device: str, start_ns: int) -> Columns:
    """Return the readings of one message."""
    channels = ["result" if name == "sensorthings" else f"c{i:02}" for i in range(shape.channels)] * shape.moments
    places = [place for place in range(shape.moments) for _ in range(shape.channels)]
    timed = shape.timed or name == "lifeline_json"
    times = [start_ns + place * _MS if timed else NO_TIME for place in places]
    values = [round(0.3 + 0.001 * (i % 7), 3) for i in range(len(channels))]
    devices = [device] * len(channels) if DECODERS[name].names_devices else None
    return Columns(channels, times, values, [0] * len(channels), devices)


def _register(name: str) -> Register:
    """Return devices of a hundred channels; a Datastream of SensorThings has one, called `result`."""
    register = make_register(100 * _DEVICES)
    if name != "sensorthings":
        return register
    return Register({}, register.assets, [replace(each, channel="result") for each in register.sensors[::100]], {}, ())

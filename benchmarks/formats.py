"""Decoding and judging a reading in each payload format, against Lifeline JSON with as many readings a message.

Both take the same readings of the same sensors through the pure half of the intake. It decodes, finds the sensor,
scales and flags. The two run in turns; the figure is the best of the rounds, because a disturbance only makes a run
slower.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.town import make_register
from collector.decoders import DECODERS
from collector.decoding.pipeline import Pipeline, RawMessage
from collector.payload import NO_TIME, Columns
from config.loading import load_quantities
from config.quantities import ONLINE
from config.register import Register
from config.settings import IntakeSettings, Subscription
from config.time_units import MILLISECOND_NS

_READINGS = 20_000
_ROUNDS = 5
_COMMIT = 500
_START_NS = 1_750_000_000_000_000_000
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
    channel: str = ""
    """The one channel that messages have, where it is not `c00`."""
    device: str = "{}"
    """How the register calls a device."""
    template: str = ""
    """Template of the topics; empty: the format, the device and, with `in_topic`, the channel."""
    topic: str = ""
    """Topic of a device where `template` is given."""


SHAPES: Mapping[str, _Shape] = {
    "plain_value": _Shape(channels=1, in_topic=True, timed=False),
    "influx_line": _Shape(),
    "senml_json": _Shape(),
    "senml_cbor": _Shape(),
    "chirpstack_v4": _Shape(),
    "the_things_stack_v3": _Shape(),
    "thingsboard_device": _Shape(),
    "thingsboard_gateway": _Shape(moments=10),
    "sensorthings": _Shape(channels=1, channel="result"),
    "fiware_iota_json": _Shape(),
    "openremote_attribute": _Shape(channels=1, in_topic=True, timed=False),
    "json_mapping": _Shape(options={"time": "$.at", "values": {f"c{i:02}": f"$.values.c{i:02}" for i in range(10)}}),
    "waveform": _Shape(channels=1, moments=1000, options={"channels": ["c00"]}),
    "sparkplug_b": _Shape(
        device="g:e:{}",
        template="spBv1.0/{group_id}/{message_type}/{edge_node_id}/{device_id}",
        topic="spBv1.0/g/DDATA/e/{}",
    ),
    "device_status": _Shape(channels=1, channel=ONLINE, timed=False),
}
"""Every format but the one that it is compared with."""
_FLOOR = 0.4
"""Below this share of Lifeline JSON docs/formats.md gives the reason, and so does the figure."""
_DOCUMENT = Path(__file__).parent.parent / "docs" / "formats.md"


def measure() -> Iterator[Figure]:
    """Yield readings a second of each format and its ratio to Lifeline JSON."""
    for name, shape in SHAPES.items():
        ours, theirs = _rates(name, shape)
        yield Figure(f"formats.{name}.readings", theirs, "1/s")
        ratio = theirs / ours
        reason = f" {reason_of(name)}" if ratio < _FLOOR else ""
        yield Figure(f"formats.{name}.ratio_to_lifeline_json", ratio, "ratio", f">= {_FLOOR:g}{reason}")


def reason_of(name: str) -> str:
    """Return the text of docs/formats.md about the speed of a format, on one line."""
    _, _, section = _DOCUMENT.read_text(encoding="utf-8").partition(f"\n## {name}\n")
    _, found, text = section.partition("\n## ")[0].partition("\nSpeed: ")
    return " ".join(text.partition("\n\n")[0].split()) if found else "no reason is written: look for one"


def _rates(name: str, shape: _Shape) -> tuple[float, float]:
    """Return readings a second of Lifeline JSON and of the format."""
    runs = [_messages("lifeline_json", shape), _messages(name, shape)]
    best = [float("inf"), float("inf")]
    for _ in range(_ROUNDS):
        for place, (pipeline, messages) in enumerate(runs):
            begin = time.perf_counter()
            readings = 0
            for start in range(0, len(messages), _COMMIT):
                batch, dead = pipeline.decode(messages[start : start + _COMMIT], _START_NS + 60_000 * MILLISECOND_NS)
                readings += len(batch)
                assert not dead, dead[0]
            best[place] = min(best[place], (time.perf_counter() - begin) / readings)
    return 1 / best[0], 1 / best[1]


def _messages(name: str, shape: _Shape) -> tuple[Pipeline, list[RawMessage]]:
    """Return a pipeline that reads the format and the messages for it, the devices in turn."""
    if name == "lifeline_json":
        shape = replace(shape, in_topic=False, device="{}", template="", options={}, timed=True)
    base = DECODERS[name]
    options = {} if base.with_options is None else dict(shape.options)
    decoder = base if base.with_options is None else base.with_options(options)
    level = "/{channel}" if shape.in_topic else ""
    template = shape.template or f"{name}/{{device}}{level}"
    subscription = Subscription(filter="#", template=template, decoder=name, options=options)
    pipeline = Pipeline(_register(shape), load_quantities(), [subscription], IntakeSettings())
    messages = []
    for i in range(_READINGS // (shape.channels * shape.moments)):
        turn, place = divmod(i, _DEVICES)
        device = f"D{place:05}"
        columns = _columns(name, shape, device, _START_NS + turn * shape.moments * MILLISECOND_NS)
        topic = shape.topic.format(device) if shape.template else f"{name}/{device}" + ("/c00" if level else "")
        messages.append(RawMessage(topic, decoder.encode(columns)))
    return pipeline, messages


def _columns(name: str, shape: _Shape, device: str, start_ns: int) -> Columns:
    """Return the readings of one message."""
    channels = [shape.channel or f"c{i:02}" for i in range(shape.channels)] * shape.moments
    places = [place for place in range(shape.moments) for _ in range(shape.channels)]
    times = [start_ns + place * MILLISECOND_NS if shape.timed else NO_TIME for place in places]
    values = [round(0.3 + 0.001 * (i % 7), 3) for i in range(len(channels))]
    if shape.channel == ONLINE:
        values = [1.0]
    devices = [device] * len(channels) if DECODERS[name].names_devices else None
    return Columns(channels, times, values, [0] * len(channels), devices)


def _register(shape: _Shape) -> Register:
    """Return devices of a hundred channels, or of one where the format has a name of its own for it."""
    register = make_register(100 * _DEVICES)
    sensors = register.sensors[::100] if shape.channel else register.sensors
    named = [
        replace(each, device=shape.device.format(each.device), channel=shape.channel or each.channel)
        for each in sensors
    ]
    return Register({}, register.assets, named, {}, ())

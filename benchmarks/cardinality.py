"""A cardinality bomb: messages that each name an unregistered id, and the state the program keeps of them.

The ids are unknown devices, channels and places, made-up topics and gateways. Unknown Sparkplug nodes and made-up
levels of a device that exists are among them. Every id is another one. Good readings must come through as ever. Memory,
disk and the number of metrics may not depend on the number of ids.
"""

import json
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from benchmarks.figures import Figure
from collector.journal.reader import JournalReader
from simulators.load import send_load
from tests.services.mosquitto import Mosquitto
from tests.services.program import Program

_N_MESSAGES = 1_000_000
_WARM_UP = 60_000
_NOWHERE = "http://127.0.0.1:9/"
_PATIENCE_S = 300.0
_MIB = 1 << 20
_GOOD = "lifeline/v1/fire/T-0002/FT-0002/up"


@dataclass(frozen=True, slots=True)
class Aftermath:
    """The cost of `n_messages` made-up ids."""

    n_messages: int
    elapsed_s: float
    """Until all were durable, each with its reason."""
    grown_mb: float
    """Resident memory afterwards, above the figure after the warm-up."""
    state_mb: float
    """Everything on disk."""
    n_letters: int
    """Dead letters kept."""
    n_counted: int
    """Dead letters counted, evicted ones too."""
    n_new_samples: int
    """More lines on `/metrics`."""
    good_s: float
    """Until a good reading sent behind them was in the journal."""


def measure() -> Iterator[Figure]:
    """Yield the cost of a million made-up ids."""
    with tempfile.TemporaryDirectory() as folder:
        broker = Mosquitto(Path(folder) / "mosquitto")
        broker.start()
        program = Program(
            Path(folder) / "program",
            broker.port,
            sms_url=_NOWHERE,
            mqtt=mqtt_settings(broker.port),
            log={"format": "json"},
        )
        try:
            program.start()
            after = bombard(program, broker.port, _N_MESSAGES)
        finally:
            program.kill()
            broker.stop()
    yield Figure("cardinality.messages", after.n_messages / after.elapsed_s, "1/s", ">= 15,000")
    yield Figure("cardinality.memory_growth", after.grown_mb, "MiB", "<= 100")
    yield Figure("cardinality.disk", after.state_mb, "MiB", "<= 200")
    yield Figure("cardinality.dead_letters_kept", after.n_letters, "rows", "<= 100,000")
    yield Figure("cardinality.new_metrics", after.n_new_samples, "lines", "<= 20")
    yield Figure("cardinality.good_reading_after", after.good_s, "s", "<= 120")


def mqtt_settings(port: int) -> Mapping[str, object]:
    """Return the section `mqtt` with subscriptions of every kind that somebody can make ids up for."""
    device = "lifeline/v1/{domain}/{asset}/{device}"
    table = (
        ("lifeline/v1/+/+/+/up", f"{device}/up", "lifeline_json"),
        ("lifeline/v1/+/+/+/+/value", f"{device}/{{channel}}/value", "plain_value"),
        ("lifeline/v1/+/+/+/status", f"{device}/status", "device_status"),
        ("application/+/device/+/event/+", "application/_/device/{device}/event/{event}", "chirpstack_v4"),
        ("spBv1.0/+/+/+", "spBv1.0/{group_id}/{message_type}/{edge_node_id}", "sparkplug_b"),
    )
    subscriptions: list[object] = [{"filter": each, "template": text, "decoder": name} for each, text, name in table]
    gateway = {"filter": "gateway/+", "template": "gateway/{gateway}", "decoder": "thingsboard_gateway"}
    subscriptions.append({**gateway, "devices": ["*"]})
    return {"port": port, "client_id": "program", "subscriptions": subscriptions}


def made_up_messages(numbers: Iterable[int]) -> Iterator[tuple[str, bytes]]:
    """Yield one message for each number, none of which can be stored."""
    shapes = (
        ("lifeline/v1/fire/T-0001/NOBODY-{i}/up", '{{"v":1,"m":{{"pressure_kpa":1}}}}'),
        ("lifeline/v1/fire/T-0001/FT-0001/up", '{{"v":1,"m":{{"made-up-{i}":1}}}}'),
        ("lifeline/v1/fire/T-0001/FT-0001/made-up-{i}/value", "1"),
        ("lifeline/v1/fire/NOWHERE-{i}/FT-0001/up", '{{"v":1,"m":{{"pressure_kpa":1}}}}'),
        ("lifeline/v1/made/up/{i}/status", '{{"online":true}}'),
        ("application/{i}/device/FT-0001/event/up", '{{"object":{{"made-up-{i}":1}}}}'),
        ("gateway/{i}", '{{"NOBODY-{i}":[{{"ts":1,"values":{{"made-up-{i}":1}}}}]}}'),
        ("spBv1.0/G-{i}/NBIRTH/EDGE-{i}", "\x18\x00"),
    )
    for i in numbers:
        topic, payload = shapes[i % len(shapes)]
        yield topic.format(i=i), payload.format(i=i).encode()


def bombard(program: Program, port: int, n_messages: int) -> Aftermath:
    """Return the cost of `n_messages` to the running `program`, after a warm-up that fills its tables once."""
    numbers = count()
    reader = JournalReader(program.configuration.settings.journal.path, program.configuration.register.sensor_ids)
    try:
        _send(program, port, made_up_messages(next(numbers) for _ in range(_WARM_UP)), _WARM_UP)
        samples, grown_from_mb, begin_s = len(program.metrics()), memory_mb(program), time.monotonic()
        _send(program, port, made_up_messages(next(numbers) for _ in range(n_messages)), n_messages)
        elapsed_s = time.monotonic() - begin_s
        good_s = _good_reading(program, port)
        metrics = program.metrics()
        return Aftermath(
            n_messages,
            elapsed_s,
            memory_mb(program) - grown_from_mb,
            _disk_mb(program.settings_file.parent / "state"),
            len(reader.dead_letters(10**7)),
            int(sum(value for (name, _), value in metrics.items() if name == "dead_letters_total")),
            len(metrics) - samples,
            good_s,
        )
    finally:
        reader.close()


def memory_mb(program: Program) -> float:
    """Return the resident memory of `program`, MiB."""
    status = Path(f"/proc/{program.process.pid}/status").read_text(encoding="utf-8")
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def _send(program: Program, port: int, messages: Iterable[tuple[str, bytes]], n_messages: int) -> None:
    """Send `messages` and return when all are durable."""
    before = program.metrics()["messages_total", ""]
    send_load("127.0.0.1", port, messages)
    program.wait_until(lambda: program.metrics()["messages_total", ""] >= before + n_messages, _PATIENCE_S)


def _good_reading(program: Program, port: int) -> float:
    """Return how long a good reading takes into the journal, seconds."""
    before = program.metrics()["readings_total", ""]
    payload = {"v": 1, "ts": time.time_ns() // 1_000_000, "m": {"pressure_kpa": 400}}
    begin_s = time.monotonic()
    send_load("127.0.0.1", port, [(_GOOD, json.dumps(payload).encode())])
    program.wait_until(lambda: program.metrics()["readings_total", ""] > before, _PATIENCE_S)
    return time.monotonic() - begin_s


def _disk_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / _MIB

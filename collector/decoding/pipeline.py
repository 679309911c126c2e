"""`Pipeline`: makes one `ReadingBatch` of the messages of a commit, and dead letters of the unusable ones.

Input: topics and payloads, as many as one commit takes.
Output: columns in canonical units with quality flags, and each rejected message with its reason.
Not responsible for: MQTT, clocks and files.
Rejects: unusable messages, as dead letters; it never raises, whatever the bytes.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from collector.batch import Quality, ReadingBatch, tick
from collector.dead_letter import DeadLetter, DeadLetterReason
from collector.decoders import DECODERS
from collector.decoding.compression import inflate
from collector.decoding.subscriptions import open_decoders
from collector.decoding.topic_routes import NO_SENSOR, TopicRoutes, find_block_sensors, find_sensors
from collector.devices.device_state import DeviceStates
from collector.payload import NO_TIME, Blocks, Columns, Decoder, PayloadError, Publication
from collector.quality import QualityChecks
from config.quantities import Quantity
from config.register import Register
from config.settings import IntakeSettings, Subscription


@dataclass(slots=True)
class RawMessage:
    """A message of the broker. Not frozen only because a frozen one costs three times as much to build."""

    topic: str
    """Bytes that are not UTF-8 stand as lone surrogates (`surrogateescape`)."""
    payload: bytes
    """Empty for our own canary, which is acknowledged in its place and never stored."""
    retain: bool = False
    packet_id: int = 0
    qos: int = 0
    epoch: int = 0
    """Number of the connection: packet ids mean something only on the connection that brought them."""
    is_canary: bool = False


@dataclass(slots=True)
class _Rows:
    """The readings of one commit while it is put together."""

    sensor: list[int] = field(default_factory=list)
    time_ns: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    quality: list[int] = field(default_factory=list)
    blocks: list[tuple[int, NDArray[np.int32], Blocks]] = field(default_factory=list)
    """Sampled signals: how many of the readings above come before it, the sensors, the samples."""
    messages: list[RawMessage] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    """Readings of each of `messages`."""
    problems: list[tuple[RawMessage, PayloadError]] = field(default_factory=list)

    def columns(self) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64], NDArray[np.uint16]]:
        """Return sensor, time, value and quality of all readings in the order of their messages."""
        blocks = self.blocks
        starts = [start for start, _, _ in blocks]
        return (
            _interleave(np.array(self.sensor, np.int32), starts, [sensor for _, sensor, _ in blocks]),
            _interleave(np.array(self.time_ns, np.int64), starts, [block.time_ns for _, _, block in blocks]),
            _interleave(np.array(self.value, np.float64), starts, [block.value for _, _, block in blocks]),
            _interleave(np.array(self.quality, np.uint16), starts, [block.quality for _, _, block in blocks]),
        )


class Pipeline:
    """Decodes, finds the sensors, scales and flags. It keeps routes of topics, and the state of devices and sensors."""

    def __init__(
        self,
        register: Register,
        quantities: Mapping[str, Quantity],
        subscriptions: Sequence[Subscription],
        limits: IntakeSettings,
        *,
        decoders: Mapping[str, Decoder] = DECODERS,
    ) -> None:
        """Take the sensors' columns out of the register once.

        A last row, at place -1, stands for readings without a sensor.

        Raises:
            ConfigError: a subscription does not fit.
        """
        self.counts: Counter[tuple[str, str]] = Counter()
        """Counts of decoders that keep state, and of checks."""
        used = {each.decoder for each in subscriptions}
        with_state = {name: decoder for name, decoder in decoders.items() if name in used}
        table = {**decoders, **open_decoders(with_state, register, self.counts)}
        self._asking = [each.requests for each in table.values() if each.requests is not None]
        self._routes = TopicRoutes(register, subscriptions, table)
        self.devices = DeviceStates(tuple(self._routes.devices))
        """The state of the devices; the owner of a file keeps it over a restart."""
        self.note = b""
        """The devices' sequence numbers in the last `decode`, to be kept with its readings."""
        self._limits = limits
        sensors = register.sensors
        self._scale = np.array([*(sensor.scale for sensor in sensors), 1.0], np.float64)
        self._offset = np.array([*(sensor.offset for sensor in sensors), 0.0], np.float64)
        self.checks = QualityChecks(register, quantities, intake=limits, counts=self.counts)
        """The quality checks; the owner of a file keeps the state of sensors and clocks over a restart."""

    def decode(self, messages: Sequence[RawMessage], received_ns: int) -> tuple[ReadingBatch, list[DeadLetter]]:
        """Return the readings of `messages` in their order, and a dead letter for each unusable message or value."""
        rows = _Rows()
        for message in messages:
            try:
                self._take(message, rows, received_ns)
            except PayloadError as error:
                rows.problems.append((message, error))
        _, self.note = self.devices.take_seen(received_ns)
        batch = self._finish(rows, received_ns) if any(rows.lengths) else tick(received_ns)
        return batch, [_dead_letter(message, received_ns, error) for message, error in rows.problems]

    def requests(self, now_s: float, now_ns: int) -> list[Publication]:
        """Return the messages of decoders that keep state to their devices; monotonic seconds and UTC nanoseconds."""
        return [each for ask in self._asking for each in ask(now_s, now_ns)]

    def _take(self, message: RawMessage, rows: _Rows, received_ns: int) -> None:
        """Add the readings of one message, with NO_SENSOR for those without a sensor."""
        route = self._routes.find(message.topic)
        if message.retain and not route.subscription.decoder.tells_state:
            raise PayloadError(
                DeadLetterReason.RETAINED, "retained: an old value kept by the broker is never read as live"
            )
        subscription = route.subscription
        payload = self._unpack(message.payload, subscription.compression)
        readings = subscription.decoder.decode(
            payload, route.fields, subscription.max_readings or self._limits.max_readings
        )
        if isinstance(readings, Blocks):
            sensor, problems = find_block_sensors(readings, route)
            if route.device != NO_SENSOR:
                self.devices.seen.add(route.device, None)
            rows.blocks.append((len(rows.sensor), sensor, readings))
            rows.lengths.append(len(sensor))
        else:
            numbers, problems = find_sensors(readings, route)
            if route.device != NO_SENSOR:
                self.devices.seen.add(route.device, readings.mark)
            elif readings.device:
                self._note_named(readings, readings.device, numbers)
            if readings.relative:
                _make_absolute(readings, received_ns)
            rows.sensor += numbers
            rows.time_ns += readings.time_ns
            rows.value += readings.value
            rows.quality += readings.quality
            rows.lengths.append(len(numbers))
        rows.messages.append(message)
        if problems:
            rows.problems += [(message, problem) for problem in problems]

    def _note_named(self, readings: Columns, devices: Sequence[str], numbers: Sequence[int]) -> None:
        """Note the devices that a payload names and may name; its number is that of its only one."""
        named = {device for device, number in zip(devices, numbers, strict=True) if number != NO_SENSOR}
        for device in named:
            self.devices.seen.add(self._routes.devices[device], readings.mark if len(named) == 1 else None)

    def _unpack(self, payload: bytes, compression: str) -> bytes:
        """Return the payload as its decoder takes it, within the limit."""
        limit = self._limits.max_payload_bytes
        if len(payload) > limit:
            raise PayloadError(DeadLetterReason.TOO_LARGE, f"payload: expected at most {limit} bytes, got more")
        return payload if compression == "none" else inflate(payload, compression, limit)

    def _finish(self, rows: _Rows, received_ns: int) -> ReadingBatch:
        """Scale and flag all rows at once; leave out those without a sensor or beyond float64 in canonical units."""
        sensor, sent_ns, sent, said = rows.columns()
        order = order_by_time(sent_ns, rows.lengths)
        if order is not None:
            sensor = sensor[order]
            sent_ns = sent_ns[order]
            sent = sent[order]
            said = said[order]
        with np.errstate(over="ignore"):
            value = sent * self._scale[sensor] + self._offset[sensor]
        batch = ReadingBatch(received_ns, sensor, sent_ns, value, said)
        known = sensor != NO_SENSOR
        finite = np.isfinite(value)
        if not (known.all() and finite.all()):
            _note_overflow(rows, known & ~finite)
            batch = batch.take(known & finite)
        return self.checks.check(batch)


T = TypeVar("T", bound=np.generic)


def _interleave(rows: NDArray[T], starts: Sequence[int], blocks: Sequence[NDArray[T]]) -> NDArray[T]:
    """Return `rows` with each block put in at its place among them."""
    if not blocks:
        return rows
    parts = np.split(rows, starts)
    return np.concatenate([part for pair in zip(parts, blocks, strict=False) for part in pair] + parts[-1:])


def order_by_time(time_ns: NDArray[np.int64], lengths: Sequence[int]) -> NDArray[np.intp] | None:
    """Return places that put the readings of each message in the order of their times; None if all are in order.

    A device may write its buffer newest first. Judged in that order, all readings but the newest would come too late.

    Args:
        time_ns: int64[n], UTC nanoseconds, message after message.
        lengths: how many of them are in each message.
    """
    falls = np.diff(time_ns) < 0
    if not falls.any():
        return None
    message = np.repeat(np.arange(len(lengths)), lengths)
    if not (falls & (message[1:] == message[:-1])).any():
        return None
    return np.lexsort((time_ns, message))


def _make_absolute(columns: Columns, received_ns: int) -> None:
    """Turn times that count from the reception into times, and say that they rest on our clock."""
    flag = int(Quality.TIME_SERVER)
    columns.time_ns = [NO_TIME if since == NO_TIME else received_ns + since for since in columns.time_ns]
    columns.quality = [quality | flag for quality in columns.quality]


def _note_overflow(rows: _Rows, overflow: NDArray[np.bool_]) -> None:
    """Add one problem for each message with a reading that is finite as sent and infinite in the canonical unit."""
    owner = np.repeat(np.arange(len(rows.lengths)), rows.lengths)
    for place in np.unique(owner[overflow]):
        error = PayloadError(DeadLetterReason.NOT_FINITE, "value: too large for float64 in the canonical unit")
        rows.problems.append((rows.messages[place], error))


def _dead_letter(message: RawMessage, received_ns: int, error: PayloadError) -> DeadLetter:
    topic = message.topic.encode(errors="backslashreplace").decode()
    return DeadLetter(received_ns, topic, message.payload, error.reason, error.detail)

"""Messages to one `ReadingBatch` and the dead letters of what could not be used.

Comes in: topics and payloads, as many as one commit takes. Goes out: columns in canonical units with quality flags, and
every refused message with its reason. Refuses to know MQTT, clocks and files. Never raises, whatever the bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from collector.batch import ReadingBatch, tick
from collector.dead_letter import DeadLetter, Reason
from collector.payload import Columns, PayloadError
from collector.quality import flag_range, settle_times
from collector.sources import NOT_KEPT, Source, Sources
from config.quantities import Quantity
from config.register import Register
from config.settings import IntakeSettings, Subscription

_DAY_NS = 86_400 * 1_000_000_000


@dataclass(slots=True)
class RawMessage:
    """What the broker delivered. Not frozen only because a frozen one costs three times as much to build."""

    topic: str
    """Bytes that are not UTF-8 stand as lone surrogates (`surrogateescape`)."""
    payload: bytes
    retain: bool = False


@dataclass(slots=True)
class _Rows:
    """The readings of one commit while it is put together."""

    sensor: list[int] = field(default_factory=list)
    time_ns: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    quality: list[int] = field(default_factory=list)
    messages: list[RawMessage] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    """Readings of each of `messages`."""
    problems: list[tuple[RawMessage, PayloadError]] = field(default_factory=list)


class Pipeline:
    """Decodes, finds the sensors, scales and flags. Its only state is the memory of topics seen."""

    def __init__(
        self,
        register: Register,
        quantities: Mapping[str, Quantity],
        subscriptions: Sequence[Subscription],
        limits: IntakeSettings,
    ) -> None:
        """Take the sensors' columns out of the register once.

        Raises:
            ConfigError: a subscription does not fit.
        """
        self._sources = Sources(register, subscriptions)
        self._limits = limits
        sensors = register.sensors
        self._scale = np.array([sensor.scale for sensor in sensors], np.float64)
        self._offset = np.array([sensor.offset for sensor in sensors], np.float64)
        self._low = np.array([quantities[sensor.quantity].low for sensor in sensors], np.float64)
        self._high = np.array([quantities[sensor.quantity].high for sensor in sensors], np.float64)

    def decode(self, messages: Sequence[RawMessage], received_ns: int) -> tuple[ReadingBatch, list[DeadLetter]]:
        """Return the readings of `messages` in their order, and a dead letter for all that is not among them."""
        rows = _Rows()
        for message in messages:
            try:
                self._take(message, rows)
            except PayloadError as error:
                rows.problems.append((message, error))
        batch = self._finish(rows, received_ns) if rows.sensor else tick(received_ns)
        return batch, [_dead_letter(message, received_ns, error) for message, error in rows.problems]

    def _take(self, message: RawMessage, rows: _Rows) -> None:
        """Add the readings of one message, with NOT_KEPT for those without a sensor."""
        source = self._sources.find(message.topic)
        if message.retain:
            raise PayloadError(Reason.RETAINED, "retained: an old value kept by the broker is never read as live")
        payload = message.payload
        if len(payload) > self._limits.max_payload_bytes:
            limit = self._limits.max_payload_bytes
            raise PayloadError(Reason.TOO_LARGE, f"payload: expected at most {limit} bytes, got more")
        columns = source.decoder.decode(payload, source.fields, self._limits.max_readings)
        number_of = source.channels.get
        numbers = [number_of(channel, NOT_KEPT) for channel in columns.channel]
        if NOT_KEPT in numbers:
            _note_unknown(message, columns, source, rows)
        rows.sensor += numbers
        rows.time_ns += columns.time_ns
        rows.value += columns.value
        rows.quality += columns.quality
        rows.messages.append(message)
        rows.lengths.append(len(numbers))

    def _finish(self, rows: _Rows, received_ns: int) -> ReadingBatch:
        """Scale and flag all rows at once; leave out those without a sensor or beyond float64 in canonical units."""
        sensor = np.array(rows.sensor, np.int32)
        sent = np.array(rows.value, np.float64)
        with np.errstate(over="ignore"):
            value = sent * self._scale[sensor] + self._offset[sensor]
        limits = self._limits
        time_ns, time_flags = settle_times(
            np.array(rows.time_ns, np.int64),
            received_ns,
            int(limits.future_tolerance_s * 1e9),
            int(limits.past_tolerance_days * _DAY_NS),
        )
        quality = np.array(rows.quality, np.uint8) | time_flags
        quality |= flag_range(value, self._low[sensor], self._high[sensor])
        batch = ReadingBatch(received_ns, sensor, time_ns, value, quality)
        known = sensor != NOT_KEPT
        finite = np.isfinite(value)
        if known.all() and finite.all():
            return batch
        _note_overflow(rows, known & ~finite)
        return batch.take(known & finite)


def _note_unknown(message: RawMessage, columns: Columns, source: Source, rows: _Rows) -> None:
    """Add one problem for all channels of a message that are not in the register."""
    unknown = sorted({channel for channel in columns.channel if channel not in source.channels})
    if unknown:
        names = ", ".join(repr(channel[:80]) for channel in unknown[:8])
        more = f" and {len(unknown) - 8} more" if len(unknown) > 8 else ""
        detail = f"device {source.fields['device']}: no channel {names}{more} in the register; the others are stored"
        rows.problems.append((message, PayloadError(Reason.UNKNOWN_SENSOR, detail)))


def _note_overflow(rows: _Rows, overflow: NDArray[np.bool_]) -> None:
    """Add one problem for each message with a reading that is finite as sent and infinite in the canonical unit."""
    owner = np.repeat(np.arange(len(rows.lengths)), rows.lengths)
    for place in np.unique(owner[overflow]):
        error = PayloadError(Reason.NOT_FINITE, "value: too large for float64 in the canonical unit")
        rows.problems.append((rows.messages[place], error))


def _dead_letter(message: RawMessage, received_ns: int, error: PayloadError) -> DeadLetter:
    topic = message.topic.encode(errors="backslashreplace").decode()
    return DeadLetter(received_ns, topic, message.payload, error.reason, error.detail)

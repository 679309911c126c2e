"""`SparkplugSessions`: messages in their order: births explain data, deaths end them, gaps ask for a new birth.

Input: messages with the words of their topics, in the order of receipt.
Output: readings, among them the channel `online` of devices that are born or die; requests for rebirths.
Not responsible for: the wire format, clocks and MQTT.
Rejects: data that only a lost birth explains, until that birth has come again.

Only edge nodes of the register are remembered, so that no sender can fill the memory. Nothing outlives a restart: the
program then asks for births. Source: Eclipse Sparkplug 3.0.0, chapters 4 to 6.
"""

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from collector.batch import Quality
from collector.dead_letter import DeadLetterReason
from collector.payload import NO_TIME, Columns, PayloadError, Publication
from collector.wire.sparkplug_messages import GOOD_QUALITY, Message, Metric, ValueType, encode_payload
from collector.wire.timestamps import epoch_ms_to_ns
from config.quantities import ONLINE

REBIRTH = "Node Control/Rebirth"
REBIRTH_S = 10.0
"""An edge node is asked for a rebirth this often, seconds, at most; assumed: the birth of a large node takes some."""
_HALF_RING = 128
"""Of two numbers on the ring 0..255, the one less than this behind the other is the older."""
_NUMBERS = range(1, ValueType.BOOLEAN + 1)
"""Data types that are numbers: whole, real and yes or no."""
_NOT_IN_WORDS = re.compile(r"[^A-Za-z0-9_.-]")


@dataclass(frozen=True, slots=True)
class Speaker:
    """The edge node or device that a topic speaks for."""

    kind: str
    group: str
    edge: str
    node: str
    """How the register calls the edge node as a device."""
    device: str
    """How the register calls the device, or the edge node where the topic names no device."""


@dataclass(frozen=True, slots=True)
class _Announced:
    """A metric as a birth announced it."""

    device: str
    channel: str
    datatype: int


@dataclass(slots=True)
class _Edge:
    """The state of one edge node since its birth."""

    group: str
    edge: str
    is_born: bool = False
    bd_seq: int | None = None
    seq: int | None = None
    by_alias: dict[int, _Announced] = field(default_factory=dict)
    by_name: dict[tuple[str, str], _Announced] = field(default_factory=dict)
    wants_birth: bool = False
    asked_s: float = -math.inf

    def forget(self, device: str | None = None) -> None:
        """Drop the announced metrics of `device`, None for all."""
        kept = [] if device is None else [item for item in self.by_alias.items() if item[1].device != device]
        named = [] if device is None else [item for item in self.by_name.items() if item[1].device != device]
        self.by_alias, self.by_name = dict(kept), dict(named)


def register_word(name: str) -> str:
    """Return the register's spelling of a name in a topic or of a metric. `/` becomes `.`, all else but words `_`.

    Letters beyond ASCII are written as their number, so that two names of one script stay two.

    >>> register_word("Inputs/A 1"), register_word("压力")
    ('Inputs.A_1', 'u538bu529b')
    """

    def spell(found: re.Match[str]) -> str:
        letter = found[0]
        if letter == "/":
            return "."
        return "_" if letter.isascii() else f"u{ord(letter):x}"

    return _NOT_IN_WORDS.sub(spell, name)


def speaker_of(fields: Mapping[str, str]) -> Speaker:
    """Return the sender that a topic with these words speaks for."""
    group, edge = fields["group_id"], fields["edge_node_id"]
    node = f"{register_word(group)}:{register_word(edge)}"
    below = fields.get("device_id")
    device = node if below is None else f"{node}:{register_word(below)}"
    return Speaker(fields["message_type"], group, edge, node, device)


class SparkplugSessions:
    """The sessions of all edge nodes of one register."""

    def __init__(self, channels: Mapping[str, Collection[str]], counts: Counter[tuple[str, str]]) -> None:
        """Know the register's devices with their channels; without any, every message is read on its own."""
        self._channels = channels
        self._counts = counts
        self._devices_of: dict[str, list[str]] = {}
        for device in channels:
            self._devices_of.setdefault(":".join(device.split(":")[:2]), []).append(device)
        self._edges: dict[str, _Edge] = {}

    def take(self, message: Message, speaker: Speaker, max_readings: int) -> Columns:
        """Return the readings of one message.

        Raises:
            PayloadError: SESSION, TOPIC, IDENTITY, TOO_LARGE, UNKNOWN_SENSOR or TIME_UNREPRESENTABLE.
        """
        edge = self._edge_of(speaker)
        kind = speaker.kind
        if kind not in ("NBIRTH", "NDEATH"):
            self._follow(edge, message.seq)
        if kind == "NDEATH":
            columns = self._end_node(edge, speaker.node, message)
        elif kind == "DDEATH":
            edge.forget(speaker.device)
            columns = self._ends([speaker.device])
        elif kind in ("NBIRTH", "DBIRTH"):
            columns = self._begin(edge, speaker, message)
        elif kind in ("NDATA", "DDATA"):
            columns = self._report(edge, speaker, message)
        else:
            raise PayloadError(
                DeadLetterReason.TOPIC, f"message type: expected N or D with BIRTH, DATA or DEATH, got {kind!r}"
            )
        count = len(columns.channel)
        if count > max_readings:
            raise PayloadError(
                DeadLetterReason.TOO_LARGE, f"metrics: expected at most {max_readings} readings, got {count}"
            )
        return columns

    def requests(self, now_s: float, now_ns: int) -> list[Publication]:
        """Return the commands that ask for the births that are missing, each edge node at most every `REBIRTH_S`.

        Args:
            now_s: monotonic seconds.
            now_ns: UTC nanoseconds, for the edge node to read.
        """
        wanting = [each for each in self._edges.values() if each.wants_birth and now_s - each.asked_s >= REBIRTH_S]
        now_ms = now_ns // 1_000_000
        ask = Metric(name=REBIRTH, timestamp_ms=now_ms, datatype=ValueType.BOOLEAN, value=1)
        payload = encode_payload(Message(timestamp_ms=now_ms, metrics=[ask])) if wanting else b""
        for edge in wanting:
            # asked again only when another message shows that it lives and was not reborn
            edge.wants_birth, edge.asked_s = False, now_s
            self._counts["sparkplug_sessions", "rebirth_requested"] += 1
        return [Publication(f"spBv1.0/{edge.group}/NCMD/{edge.edge}", payload) for edge in wanting]

    def _edge_of(self, speaker: Speaker) -> _Edge:
        """Return the session of the edge node, a passing one where no register is known."""
        edge = self._edges.get(speaker.node)
        if edge is None:
            edge = _Edge(speaker.group, speaker.edge)
            if not self._channels:
                return edge
            if speaker.node not in self._devices_of:
                got = speaker.device[:200]
                raise PayloadError(
                    DeadLetterReason.UNKNOWN_SENSOR, f"edge node: no device in the register, e.g. {got!r}"
                )
            self._edges[speaker.node] = edge
        elif (edge.group, edge.edge) != (speaker.group, speaker.edge):
            got = f"{speaker.group[:80]}/{speaker.edge[:80]}"
            raise PayloadError(
                DeadLetterReason.IDENTITY, f"edge node: {edge.group}/{edge.edge} has the name {got} already"
            )
        return edge

    def _follow(self, edge: _Edge, seq: int | None) -> None:
        """Ask for a birth when there was none yet, or when a message is missing."""
        if not edge.is_born:
            edge.wants_birth = True
            self._counts["sparkplug_sessions", "before_birth"] += 1
        elif seq is not None and edge.seq is not None and seq != (edge.seq + 1) % 256:
            edge.wants_birth = True
            self._counts["sparkplug_sessions", "sequence_gap"] += 1
        edge.seq = seq

    def _begin(self, edge: _Edge, speaker: Speaker, message: Message) -> Columns:
        """Learn the metrics of a birth; return that the device is online, and its registered metrics."""
        if speaker.kind == "NBIRTH":
            edge.forget()
            edge.is_born, edge.wants_birth, edge.seq = True, False, message.seq
            edge.bd_seq = _bd_seq(message)
        else:
            edge.forget(speaker.device)
        self._counts["sparkplug_sessions", "birth"] += 1
        registered = self._channels.get(speaker.device)
        if registered is None and self._channels:
            return self._unregistered(speaker)
        announced = []
        for metric in message.metrics:
            each = _Announced(speaker.device, register_word(metric.name), metric.datatype)
            edge.by_name[each.device, each.channel] = each
            if metric.alias is not None:
                edge.by_alias[metric.alias] = each
            if registered is None or (each.channel in registered and each.channel != ONLINE):
                announced.append((metric, each))
        columns = Columns([], [], [], [], [])
        if registered is not None and ONLINE in registered:
            _add_presence(columns, speaker.device, 1.0)
        # the values are those of now, whenever they last changed
        self._add(columns, announced, message.timestamp_ms)
        return columns

    def _unregistered(self, speaker: Speaker) -> Columns:
        """Return nothing for an edge node that only stands for its devices; refuse a device."""
        if speaker.kind == "NBIRTH":
            return Columns([], [], [], [], [])
        raise PayloadError(DeadLetterReason.UNKNOWN_SENSOR, f"device: not in the register: {speaker.device[:200]!r}")

    def _report(self, edge: _Edge, speaker: Speaker, message: Message) -> Columns:
        if self._channels and speaker.device not in self._channels:
            raise PayloadError(
                DeadLetterReason.UNKNOWN_SENSOR, f"device: not in the register: {speaker.device[:200]!r}"
            )
        columns = Columns([], [], [], [], [])
        try:
            explained = [(metric, _explain(edge, speaker.device, metric)) for metric in message.metrics]
            for metric, _ in explained:
                metric.timestamp_ms = message.timestamp_ms if metric.timestamp_ms is None else metric.timestamp_ms
            self._add(columns, explained, None)
        except PayloadError as error:
            if error.reason is DeadLetterReason.SESSION:
                edge.wants_birth = True
                self._counts["sparkplug_sessions", "unexplained"] += 1
            raise
        return columns

    def _add(self, columns: Columns, metrics: Iterable[tuple[Metric, _Announced]], birth_ms: int | None) -> None:
        """Add the readings of `metrics`: those of now, at `birth_ms` if they were just born, then history.

        Null is counted; a value that is no number, or claims to be `online`, is noted.
        """
        for metric, each in sorted(metrics, key=lambda pair: pair[0].is_historical):
            if metric.is_null:
                self._counts["sparkplug_sessions", "null"] += 1
                continue
            value = metric.number(each.datatype) if each.datatype in _NUMBERS or not each.datatype else None
            if value is None or not math.isfinite(value) or each.channel == ONLINE:
                columns.left_out.append((each.device, each.channel))
                continue
            time_ms = metric.timestamp_ms if birth_ms is None or metric.is_historical else birth_ms
            columns.channel.append(each.channel)
            columns.time_ns.append(NO_TIME if time_ms is None else epoch_ms_to_ns(time_ms))
            columns.value.append(value)
            bits = Quality.GOOD if metric.quality == GOOD_QUALITY else Quality.DEVICE_SUSPECT
            columns.quality.append(int(bits | Quality.HISTORICAL if metric.is_historical else bits))
            if columns.device is not None:
                columns.device.append(each.device)

    def _end_node(self, edge: _Edge, node: str, message: Message) -> Columns:
        """Return that the edge node and all its devices have gone, unless an earlier connection of it has died."""
        bd_seq = _bd_seq(message)
        if edge.is_born and edge.bd_seq is not None and bd_seq is not None:
            behind = (edge.bd_seq - bd_seq) % 256
            if 0 < behind < _HALF_RING:
                self._counts["sparkplug_sessions", "death_superseded"] += 1
                detail = f"bdSeq: death {bd_seq} of a connection before that of the birth {edge.bd_seq}"
                raise PayloadError(DeadLetterReason.SESSION, detail)
        edge.forget()
        edge.is_born = False
        edge.bd_seq = None
        edge.seq = None
        edge.wants_birth = False
        return self._ends(self._devices_of.get(node, []))

    def _ends(self, devices: Collection[str]) -> Columns:
        """Return that `devices` have gone, at the time of reception: a will was written when they came."""
        self._counts["sparkplug_sessions", "death"] += 1
        columns = Columns([], [], [], [], [])
        for device in devices:
            _add_presence(columns, device, 0.0)
        return columns


def _explain(edge: _Edge, device: str, metric: Metric) -> _Announced:
    """Return the announced metric, or the metric by its own words.

    Raises:
        PayloadError: SESSION.
    """
    if metric.name:
        channel = register_word(metric.name)
        known = edge.by_name.get((device, channel))
    elif metric.alias is not None:
        known = edge.by_alias.get(metric.alias)
        channel = ""
        if known is None or known.device != device:
            detail = f"alias {metric.alias}: no birth of {device[:200]} has announced it yet; a rebirth is asked for"
            raise PayloadError(DeadLetterReason.SESSION, detail)
    else:
        raise PayloadError(DeadLetterReason.SCHEMA, "metric: expected a name or an alias, got neither")
    datatype = metric.datatype or (known.datatype if known else 0)
    if not datatype and metric.is_whole:
        detail = f"metric {metric.name[:80]!r}: no birth has told its data type yet; a rebirth is asked for"
        raise PayloadError(DeadLetterReason.SESSION, detail)
    if known is not None and known.datatype == datatype:
        return known
    return _Announced(device, known.channel if known else channel, datatype)


def _bd_seq(message: Message) -> int | None:
    """Return the number of the connection, which birth and will have in common."""
    for metric in message.metrics:
        if metric.name == "bdSeq" and isinstance(metric.value, int):
            return metric.value % 256
    return None


def _add_presence(columns: Columns, device: str, value: float) -> None:
    columns.channel.append(ONLINE)
    columns.time_ns.append(NO_TIME)
    columns.value.append(value)
    columns.quality.append(0)
    if columns.device is not None:
        columns.device.append(device)

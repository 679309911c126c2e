"""From a topic to the sensors that may speak on it, checked against the register.

Comes in: the register, the subscriptions, topics. Goes out: `TopicRoute`: how to decode and the sensors of the
channels. Refuses to know payloads.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from collector.dead_letter import DeadLetterReason
from collector.decoding.subscriptions import CompiledSubscription, compile_subscriptions
from collector.decoding.topics import filter_matches, topic_problem
from collector.payload import Decoder, PayloadError
from config.register import Register
from config.settings import Subscription

NO_SENSOR = -1
"""Stands for the sensor of a reading that is left out: no such device or channel."""


@dataclass(frozen=True, slots=True)
class TopicRoute:
    """Everything about one topic that its payloads need."""

    reader: CompiledSubscription
    fields: Mapping[str, str]
    channels: Mapping[str, int]
    """Channel of the topic's device to dense number of the sensor; empty where the topic names no device."""
    channels_of: Callable[[str], Mapping[str, int]]
    """The same of a device that the payload names; raises PayloadError UNKNOWN_SENSOR or IDENTITY."""
    device: int
    """Place of the topic's device among those of the register, `NO_SENSOR` where the topic names none."""


class TopicRoutes:
    """Finds the source of a topic; remembers those found, not many more than the register has sensors."""

    def __init__(
        self, register: Register, subscriptions: Sequence[Subscription], decoders: Mapping[str, Decoder]
    ) -> None:
        """Compile the subscriptions.

        Raises:
            ConfigError: a template, a decoder, its options or its devices do not fit.
        """
        self._register = register
        self._known: dict[str, TopicRoute] = {}
        self._readers = compile_subscriptions(subscriptions, decoders)
        self._channels: dict[str, dict[str, int]] = {}
        for number, sensor in enumerate(register.sensors):
            self._channels.setdefault(sensor.device, {})[sensor.channel] = number
        self._places = {device: place for place, device in enumerate(self._channels)}
        # a level `_` lets one device make up topics without end: then all are forgotten and learned again
        self._room = 1024 + len(register.sensors) * len(self._readers)

    @property
    def devices(self) -> Mapping[str, int]:
        """Devices of the register and their places, in its order."""
        return self._places

    def find(self, topic: str) -> TopicRoute:
        """Return the source of `topic`.

        Raises:
            PayloadError: TOPIC, UNKNOWN_SENSOR or IDENTITY.
        """
        source = self._known.get(topic)
        if source is None:
            source = self._look_up(topic)
            if len(self._known) >= self._room:
                self._known.clear()
            self._known[topic] = source
        return source

    def _look_up(self, topic: str) -> TopicRoute:
        problem = topic_problem(topic)
        if problem:
            raise PayloadError(DeadLetterReason.TOPIC, problem)
        for reader in self._readers:
            if filter_matches(reader.topic_filter, topic):
                fields = reader.template.match(topic)
                if fields is None:
                    raise PayloadError(DeadLetterReason.TOPIC, f"topic: expected {reader.template.text}")
                return self._make(reader, fields)
        raise PayloadError(
            DeadLetterReason.TOPIC, "topic: no subscription covers it; is an old session of this client id left?"
        )

    def _make(self, reader: CompiledSubscription, fields: Mapping[str, str]) -> TopicRoute:
        if "device" not in fields:
            return TopicRoute(
                reader, fields, {}, lambda device: self._named_channels(reader, fields, device), NO_SENSOR
            )
        own = self._own_channels(fields, fields["device"])
        channel = fields.get("channel")
        if channel is not None and channel not in own:
            # refused here, before it is remembered: else any client could fill the memory with made-up channels
            device = fields["device"]
            raise PayloadError(
                DeadLetterReason.UNKNOWN_SENSOR, f"device {device}: no channel {channel[:80]!r} in the register"
            )
        return TopicRoute(
            reader, fields, own, lambda device: _only(fields["device"], device, own), self._places[fields["device"]]
        )

    def _named_channels(
        self, reader: CompiledSubscription, fields: Mapping[str, str], device: str
    ) -> Mapping[str, int]:
        """Return the channels of a device named by a payload on a topic that names none."""
        if not reader.decoder.speaks_for_topic and not reader.may_name(device, fields):
            expected = " or ".join(reader.devices)
            raise PayloadError(
                DeadLetterReason.IDENTITY, f"device: this topic speaks for {expected}, got {device[:80]!r}"
            )
        return self._own_channels(fields, device)

    def _own_channels(self, fields: Mapping[str, str], device: str) -> Mapping[str, int]:
        """Return the device's channels at the asset and domain that the topic names."""
        channels = self._channels.get(device)
        if channels is None:
            raise PayloadError(DeadLetterReason.UNKNOWN_SENSOR, f"device: not in the register: {device[:80]!r}")
        if "asset" not in fields and "domain" not in fields:
            return channels
        own = {channel: number for channel, number in channels.items() if self._belongs(number, fields)}
        if not own:
            sensor = self._register.sensors[next(iter(channels.values()))]
            place = f"{self._register.assets[sensor.asset].domain}/{sensor.asset}"
            got = f"{fields.get('domain', '*')}/{fields.get('asset', '*')}"
            raise PayloadError(DeadLetterReason.IDENTITY, f"device {device}: expected at {place}, got {got[:160]}")
        return own

    def _belongs(self, number: int, fields: Mapping[str, str]) -> bool:
        sensor = self._register.sensors[number]
        domain = self._register.assets[sensor.asset].domain
        return fields.get("asset", sensor.asset) == sensor.asset and fields.get("domain", domain) == domain


def _only(owner: str, device: str, channels: Mapping[str, int]) -> Mapping[str, int]:
    """Return the channels of the topic's device if the payload names the same."""
    if device != owner:
        raise PayloadError(
            DeadLetterReason.IDENTITY, f"device: the topic speaks for {owner[:80]!r}, the payload {device[:80]!r}"
        )
    return channels

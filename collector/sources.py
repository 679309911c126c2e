"""From a topic to the sensors that may speak on it, checked against the register.

Comes in: the register, the subscriptions, topics. Goes out: `Source`: how to decode and which sensors the channels are.
Refuses to know payloads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from collector.dead_letter import Reason
from collector.decoders import DECODERS
from collector.payload import Decoder, PayloadError
from collector.topics import TopicTemplate, compile_template, filter_matches, topic_problem
from config.errors import ConfigError, Problem
from config.register import Register
from config.settings import Subscription


@dataclass(frozen=True, slots=True)
class Source:
    """Everything about one topic that its payloads need."""

    decoder: Decoder
    fields: Mapping[str, str]
    channels: Mapping[str, int]
    """Channel to dense number of the sensor."""


class Sources:
    """Finds the source of a topic; remembers those found, at most one for each channel of the register and form."""

    def __init__(self, register: Register, subscriptions: Sequence[Subscription]) -> None:
        """Compile the subscriptions.

        Raises:
            ConfigError: a template, a decoder or a filter does not fit.
        """
        self._register = register
        self._known: dict[str, Source] = {}
        self._readers = _compile(subscriptions)
        self._channels: dict[str, dict[str, int]] = {}
        for number, sensor in enumerate(register.sensors):
            self._channels.setdefault(sensor.device, {})[sensor.channel] = number

    def find(self, topic: str) -> Source:
        """Return the source of `topic`.

        Raises:
            PayloadError: TOPIC, UNKNOWN_SENSOR or IDENTITY.
        """
        source = self._known.get(topic)
        if source is None:
            source = self._look_up(topic)
            self._known[topic] = source
        return source

    def _look_up(self, topic: str) -> Source:
        problem = topic_problem(topic)
        if problem:
            raise PayloadError(Reason.TOPIC, problem)
        for topic_filter, template, decoder in self._readers:
            if filter_matches(topic_filter, topic):
                fields = template.match(topic)
                if fields is None:
                    raise PayloadError(Reason.TOPIC, f"topic: expected {template.text}")
                return Source(decoder, fields, self._own_channels(fields, decoder))
        raise PayloadError(Reason.TOPIC, "topic: no subscription covers it; is an old session of this client id left?")

    def _own_channels(self, fields: Mapping[str, str], decoder: Decoder) -> Mapping[str, int]:
        """Return the device's channels at the asset and domain that the topic names."""
        device = fields["device"]
        channels = self._channels.get(device)
        if channels is None:
            raise PayloadError(Reason.UNKNOWN_SENSOR, f"device: not in the register: {device[:80]!r}")
        own = {channel: number for channel, number in channels.items() if self._belongs(number, fields)}
        if not own:
            sensor = self._register.sensors[next(iter(channels.values()))]
            place = f"{self._register.assets[sensor.asset].domain}/{sensor.asset}"
            got = f"{fields.get('domain', '*')}/{fields.get('asset', '*')}"
            raise PayloadError(Reason.IDENTITY, f"device {device}: expected at {place}, got {got[:160]}")
        channel = fields.get("channel")
        if channel is not None and channel not in own:
            # refused here, before it is remembered: else any client could fill the memory with made-up channels
            raise PayloadError(Reason.UNKNOWN_SENSOR, f"device {device}: no channel {channel[:80]!r} in the register")
        return own | {channel: NOT_KEPT for channel in decoder.optional_channels if channel not in channels}

    def _belongs(self, number: int, fields: Mapping[str, str]) -> bool:
        sensor = self._register.sensors[number]
        domain = self._register.assets[sensor.asset].domain
        return fields.get("asset", sensor.asset) == sensor.asset and fields.get("domain", domain) == domain


NOT_KEPT = -1
"""Stands for the sensor of a reading that is left out on purpose: an optional channel outside the register."""


def _compile(subscriptions: Sequence[Subscription]) -> list[tuple[str, TopicTemplate, Decoder]]:
    readers: list[tuple[str, TopicTemplate, Decoder]] = []
    problems: list[Problem] = []
    for place, subscription in enumerate(subscriptions):
        path = f"mqtt.subscriptions[{place}]"
        decoder = DECODERS.get(subscription.decoder)
        if decoder is None:
            problems.append(_problem(f"{path}.decoder", f"one of {sorted(DECODERS)}", repr(subscription.decoder)))
            continue
        try:
            template = compile_template(subscription.template)
        except ValueError as error:
            problems.append(_problem(f"{path}.template", "a topic with {field} levels", str(error)))
            continue
        missing = decoder.fields - {name for _, name in template.fields}
        if missing:
            problems.append(
                _problem(f"{path}.template", f"the levels {sorted(decoder.fields)}", f"no {sorted(missing)}")
            )
        readers.append((subscription.filter, template, decoder))
    if problems:
        raise ConfigError(problems)
    return readers


def _problem(path: str, expected: str, got: str) -> Problem:
    return Problem("settings", 0, path, expected, got, "see docs/devices.md, section Topics")

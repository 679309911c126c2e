"""`TopicRoutes`: from a topic, and the names in a payload, to the sensors of the register.

Input: the register, the subscriptions, topics, and the columns that a decoder gave.
Output: `TopicRoute`, the decoder and the sensors of a topic; then the dense number of the sensor of each reading.
Not responsible for: values and times.
Rejects: a topic that no subscription covers, and devices and channels that the register does not have.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.dead_letter import DeadLetterReason
from collector.decoding.subscriptions import CompiledSubscription, compile_subscriptions
from collector.decoding.topics import filter_matches, topic_problem
from collector.payload import Blocks, Columns, Decoder, PayloadError
from config.register import Register
from config.settings import Subscription

NO_SENSOR = -1
"""Stands for the sensor of a reading that is left out: no such device or channel."""
_NAMED = 8
"""Names in one detail, at most; the others are counted."""


@dataclass(frozen=True, slots=True)
class TopicRoute:
    """All that the payloads of one topic need."""

    subscription: CompiledSubscription
    fields: Mapping[str, str]
    channels: Mapping[str, int]
    """Channel of the topic's device to dense number of the sensor; empty where the topic names no device."""
    channels_of: Callable[[str], Mapping[str, int]]
    """The same of a device that the payload names; raises PayloadError UNKNOWN_SENSOR or IDENTITY."""
    device: int
    """Place of the topic's device among those of the register, `NO_SENSOR` where the topic names none."""


class TopicRoutes:
    """Finds the route of a topic; remembers those found, not many more than the register has sensors."""

    def __init__(
        self, register: Register, subscriptions: Sequence[Subscription], decoders: Mapping[str, Decoder]
    ) -> None:
        """Compile the subscriptions.

        Raises:
            ConfigError: a template, a decoder, its options or its devices do not fit.
        """
        self._register = register
        self._known: dict[str, TopicRoute] = {}
        self._subscriptions = compile_subscriptions(subscriptions, decoders)
        self._channels: dict[str, dict[str, int]] = {}
        for number, sensor in enumerate(register.sensors):
            self._channels.setdefault(sensor.device, {})[sensor.channel] = number
        self._places = {device: place for place, device in enumerate(self._channels)}
        # a level `_` lets one device make up topics without end: then all are forgotten and learned again
        self._max_known = 1024 + len(register.sensors) * len(self._subscriptions)

    @property
    def devices(self) -> Mapping[str, int]:
        """Devices of the register and their places, in its order."""
        return self._places

    def find(self, topic: str) -> TopicRoute:
        """Return the route of `topic`.

        Raises:
            PayloadError: TOPIC, UNKNOWN_SENSOR or IDENTITY.
        """
        route = self._known.get(topic)
        if route is None:
            route = self._look_up(topic)
            if len(self._known) >= self._max_known:
                self._known.clear()
            self._known[topic] = route
        return route

    def _look_up(self, topic: str) -> TopicRoute:
        problem = topic_problem(topic)
        if problem:
            raise PayloadError(DeadLetterReason.TOPIC, problem)
        for subscription in self._subscriptions:
            if filter_matches(subscription.topic_filter, topic):
                fields = subscription.template.match(topic)
                if fields is None:
                    raise PayloadError(DeadLetterReason.TOPIC, f"topic: expected {subscription.template.text}")
                return self._make(subscription, fields)
        raise PayloadError(
            DeadLetterReason.TOPIC, "topic: no subscription covers it; is an old session of this client id left?"
        )

    def _make(self, subscription: CompiledSubscription, fields: Mapping[str, str]) -> TopicRoute:
        if "device" not in fields:
            return TopicRoute(
                subscription, fields, {}, lambda device: self._named_channels(subscription, fields, device), NO_SENSOR
            )
        own = self._own_channels(fields, fields["device"])
        channel = fields.get("channel")
        if channel is not None and channel not in own:
            # refused here, before it is remembered: else any client could fill the memory with made-up channels
            device = fields["device"]
            raise PayloadError(
                DeadLetterReason.UNKNOWN_SENSOR, f"device {device}: no channel {channel[:80]!r} in the register"
            )
        owner = fields["device"]
        return TopicRoute(subscription, fields, own, lambda device: _only(owner, device, own), self._places[owner])

    def _named_channels(
        self, subscription: CompiledSubscription, fields: Mapping[str, str], device: str
    ) -> Mapping[str, int]:
        """Return the channels of a device named by a payload on a topic that names none."""
        if not subscription.decoder.speaks_for_topic and not subscription.may_name(device, fields):
            expected = " or ".join(subscription.devices)
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


def find_sensors(columns: Columns, route: TopicRoute) -> tuple[list[int], list[PayloadError]]:
    """Return the number of each reading's sensor and the problems of those that have none."""
    owner = route.fields.get("device", "")
    if columns.device is None or (owner and columns.device.count(owner) == len(columns.device)):
        number_of = route.channels.get
        numbers = [number_of(channel, NO_SENSOR) for channel in columns.channel]
        if NO_SENSOR not in numbers and not columns.left_out:
            return numbers, []
        known, problems = {owner: route.channels}, list[PayloadError]()
        devices = [owner] * len(numbers)
    else:
        devices = columns.device
        known, problems = _find_channels({*devices, *(device for device, _ in columns.left_out)}, route)
        numbers = [
            known[device].get(channel, NO_SENSOR) for device, channel in zip(devices, columns.channel, strict=True)
        ]
    if NO_SENSOR in numbers:
        problems += _describe_unknown(set(zip(devices, columns.channel, strict=True)), known, route)
    return numbers, problems + _describe_no_numbers(columns.left_out, known, route)


def find_block_sensors(blocks: Blocks, route: TopicRoute) -> tuple[NDArray[np.int32], list[PayloadError]]:
    """Return the same for a sampled signal of the topic's device."""
    numbers, problems = find_sensors(Columns(blocks.channels, [], [], []), route)
    return np.array(numbers, np.int32)[blocks.channel], problems


def _find_channels(devices: set[str], route: TopicRoute) -> tuple[dict[str, Mapping[str, int]], list[PayloadError]]:
    """Return the channels of each device, none for those not known here, and one problem for each reason."""
    known: dict[str, Mapping[str, int]] = {}
    refused: dict[DeadLetterReason, list[str]] = {}
    for device in sorted(devices):
        try:
            known[device] = route.channels_of(device)
        except PayloadError as error:
            known[device] = {}
            refused.setdefault(error.reason, []).append(error.detail)
    return known, [PayloadError(reason, _join_words(details, "; ")) for reason, details in refused.items()]


def _describe_unknown(
    pairs: set[tuple[str, str]], known: Mapping[str, Mapping[str, int]], route: TopicRoute
) -> list[PayloadError]:
    """Return one problem for all channels that known devices do not have."""
    optional = route.subscription.decoder.optional_channels
    lost: dict[str, list[str]] = {}
    for device, channel in sorted(pairs):
        if known[device] and channel not in known[device] and channel not in optional:
            lost.setdefault(device, []).append(repr(channel[:80]))
    if not lost:
        return []
    details = [f"device {device[:80]}: no channel {_join_words(names, ', ')}" for device, names in lost.items()]
    detail = f"{_join_words(details, '; ')} in the register; the others are stored"
    return [PayloadError(DeadLetterReason.UNKNOWN_SENSOR, detail)]


def _describe_no_numbers(
    left_out: Sequence[tuple[str, str]], known: Mapping[str, Mapping[str, int]], route: TopicRoute
) -> list[PayloadError]:
    """Return one problem for all registered channels that came without a number."""
    owner = route.fields.get("device", "")
    lost = [channel for device, channel in left_out if channel in known.get(device or owner, {})]
    if not lost:
        return []
    names = _join_words([repr(channel[:80]) for channel in lost], ", ")
    return [PayloadError(DeadLetterReason.SCHEMA, f"value: expected a number at {names}; the others are stored")]


def _join_words(words: Sequence[str], separator: str) -> str:
    more = f"{separator}and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
    return separator.join(words[:_NAMED]) + more

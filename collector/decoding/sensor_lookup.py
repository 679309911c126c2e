"""Whose reading each is: from the channels and devices of one payload to the sensors of the register.

Comes in: what a decoder gave and the source of its topic. Goes out: dense numbers of sensors, `NO_SENSOR` where
there is none, and what to tell about those. Refuses to know values and times.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from collector.dead_letter import DeadLetterReason
from collector.decoding.topic_routes import NO_SENSOR, TopicRoute
from collector.payload import Blocks, Columns, PayloadError

_NAMED = 8
"""Names in one detail, at most; the others are counted."""


def sensors_of(columns: Columns, source: TopicRoute) -> tuple[list[int], list[PayloadError]]:
    """Return the number of each reading's sensor and the problems of those that have none."""
    owner = source.fields.get("device", "")
    if columns.device is None or (owner and columns.device.count(owner) == len(columns.device)):
        number_of = source.channels.get
        numbers = [number_of(channel, NO_SENSOR) for channel in columns.channel]
        if NO_SENSOR not in numbers and not columns.left_out:
            return numbers, []
        known, problems = {owner: source.channels}, list[PayloadError]()
        devices = [owner] * len(numbers)
    else:
        devices = columns.device
        known, problems = _channels_of({*devices, *(device for device, _ in columns.left_out)}, source)
        numbers = [
            known[device].get(channel, NO_SENSOR) for device, channel in zip(devices, columns.channel, strict=True)
        ]
    if NO_SENSOR in numbers:
        problems += _unknown(set(zip(devices, columns.channel, strict=True)), known, source)
    return numbers, problems + _no_numbers(columns.left_out, known, source)


def sensors_of_blocks(blocks: Blocks, source: TopicRoute) -> tuple[NDArray[np.int32], list[PayloadError]]:
    """Return the same for a sampled signal of the topic's device."""
    numbers, problems = sensors_of(Columns(blocks.channels, [], [], []), source)
    return np.array(numbers, np.int32)[blocks.channel], problems


def _channels_of(devices: set[str], source: TopicRoute) -> tuple[dict[str, Mapping[str, int]], list[PayloadError]]:
    """Return the channels of each device, none for those not known here, and one problem for each reason."""
    known: dict[str, Mapping[str, int]] = {}
    refused: dict[DeadLetterReason, list[str]] = {}
    for device in sorted(devices):
        try:
            known[device] = source.channels_of(device)
        except PayloadError as error:
            known[device] = {}
            refused.setdefault(error.reason, []).append(error.detail)
    return known, [PayloadError(reason, _listed(details, "; ")) for reason, details in refused.items()]


def _unknown(
    pairs: set[tuple[str, str]], known: Mapping[str, Mapping[str, int]], source: TopicRoute
) -> list[PayloadError]:
    """Return one problem for all channels that known devices do not have."""
    optional = source.reader.decoder.optional_channels
    lost: dict[str, list[str]] = {}
    for device, channel in sorted(pairs):
        if known[device] and channel not in known[device] and channel not in optional:
            lost.setdefault(device, []).append(repr(channel[:80]))
    if not lost:
        return []
    details = [f"device {device[:80]}: no channel {_listed(names, ', ')}" for device, names in lost.items()]
    detail = f"{_listed(details, '; ')} in the register; the others are stored"
    return [PayloadError(DeadLetterReason.UNKNOWN_SENSOR, detail)]


def _no_numbers(
    left_out: Sequence[tuple[str, str]], known: Mapping[str, Mapping[str, int]], source: TopicRoute
) -> list[PayloadError]:
    """Return one problem for all registered channels that came without a number."""
    owner = source.fields.get("device", "")
    lost = [channel for device, channel in left_out if channel in known.get(device or owner, {})]
    if not lost:
        return []
    names = _listed([repr(channel[:80]) for channel in lost], ", ")
    return [PayloadError(DeadLetterReason.SCHEMA, f"value: expected a number at {names}; the others are stored")]


def _listed(words: Sequence[str], separator: str) -> str:
    more = f"{separator}and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
    return separator.join(words[:_NAMED]) + more

"""`CompiledSubscription`: a subscription of the settings, checked, with its topic template and its decoder.

Input: subscriptions and the table of decoders.
Output: compiled subscriptions in the order of the settings.
Not responsible for: the register and the payloads.
Rejects: subscriptions that do not fit, with every problem at once.
"""

import fnmatch
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from collector.decoding.topics import TopicTemplate, compile_template
from collector.payload import Decoder
from config.errors import ConfigError, Problem
from config.register import Register
from config.settings import Subscription

_FIELD = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class CompiledSubscription:
    """One subscription, ready to read."""

    topic_filter: str
    template: TopicTemplate
    decoder: Decoder
    compression: str
    devices: tuple[str, ...]
    """Patterns of the devices that a payload may name where the topic names none."""
    max_readings: int | None = None
    """Readings that a message may have; None leaves it to the intake."""

    def may_name(self, device: str, fields: Mapping[str, str]) -> bool:
        """Return whether a payload on the topic with `fields` may speak for `device`."""
        return any(fnmatch.fnmatchcase(device, _fill_in(pattern, fields)) for pattern in self.devices)


def open_decoders(
    decoders: Mapping[str, Decoder], register: Register, counts: Counter[tuple[str, str]]
) -> Mapping[str, Decoder]:
    """Return `decoders`; one that can keep state does so for the devices of `register` and counts in `counts`."""
    channels: dict[str, set[str]] = {}
    for sensor in register.sensors:
        channels.setdefault(sensor.device, set()).add(sensor.channel)
    return {name: each.open(channels, counts) if each.open else each for name, each in decoders.items()}


def compile_subscriptions(
    subscriptions: Sequence[Subscription], decoders: Mapping[str, Decoder]
) -> list[CompiledSubscription]:
    """Return one reader a subscription.

    Raises:
        ConfigError: a decoder, its options, a template or the devices do not fit.
    """
    readers: list[CompiledSubscription] = []
    problems: list[Problem] = []
    for place, subscription in enumerate(subscriptions):
        path = f"mqtt.subscriptions[{place}]"
        decoder = _choose(subscription, decoders, path, problems)
        if decoder is None:
            continue
        try:
            template = compile_template(subscription.template)
        except ValueError as error:
            problems.append(_problem(f"{path}.template", "a topic with {field} levels", str(error)))
            continue
        problems += _misfits(subscription, template, decoder, path)
        readers.append(
            CompiledSubscription(
                subscription.filter,
                template,
                decoder,
                subscription.compression,
                subscription.devices,
                subscription.max_readings,
            )
        )
    if problems:
        raise ConfigError(problems)
    return readers


def _choose(
    subscription: Subscription, decoders: Mapping[str, Decoder], path: str, problems: list[Problem]
) -> Decoder | None:
    """Return the decoder with its options, or None and a problem more."""
    decoder = decoders.get(subscription.decoder)
    if decoder is None:
        problems.append(_problem(f"{path}.decoder", f"one of {sorted(decoders)}", repr(subscription.decoder)))
        return None
    if decoder.with_options is None:
        if subscription.options:
            got = ", ".join(sorted(subscription.options))
            problems.append(_problem(f"{path}.options", f"none: {subscription.decoder} has no options", got))
        return decoder
    try:
        return decoder.with_options(subscription.options)
    except ValidationError as error:
        for each in error.errors(include_url=False):
            where = ".".join([f"{path}.options", *map(str, each["loc"])])
            problems.append(_problem(where, each["msg"], repr(each["input"])[:80]))
        return None


def _misfits(subscription: Subscription, template: TopicTemplate, decoder: Decoder, path: str) -> list[Problem]:
    """Return the problems of topic and devices with this decoder."""
    missing = decoder.fields - template.fields
    if not decoder.names_devices and "device" not in template.fields:
        missing |= {"device"}
    problems = []
    if missing:
        wanted = sorted(decoder.fields | missing)
        problems.append(_problem(f"{path}.template", f"the levels {wanted}", f"no {sorted(missing)}"))
    elif "device" not in template.fields and not (subscription.devices or decoder.speaks_for_topic):
        expected = "the devices that payloads may name, because the topic names none"
        problems.append(_problem(f"{path}.devices", expected, "none"))
    used = {name for pattern in subscription.devices for name in _FIELD.findall(pattern)}
    if used - template.fields:
        problems.append(_problem(f"{path}.devices", "fields of the template", f"{sorted(used - template.fields)}"))
    return problems


def _fill_in(pattern: str, fields: Mapping[str, str]) -> str:
    """Return the pattern with the topic's words in place of its fields; a `*` in a topic is not a wildcard."""
    return _FIELD.sub(lambda found: re.sub(r"([*?[])", r"[\1]", fields[found[1]]), pattern)


def _problem(path: str, expected: str, got: str) -> Problem:
    return Problem("settings", 0, path, expected, got, "see docs/formats.md")

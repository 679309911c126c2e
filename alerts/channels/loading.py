"""I/O: the configured channels, opened, with secrets read from files.

Input: channel settings and signed links.
Output: a `Channel` for each name.
Not responsible for: sending.
Rejects: unknown kinds, wrong options and unreadable secret files, all of them in one `ConfigError`.
"""

import time
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from alerts.channels import CHANNELS, ChannelKind
from alerts.channels.http import ChannelContext
from alerts.channels.http_client import HttpExchange
from alerts.links import SignedLinks
from alerts.notification import Channel
from config.document import Document
from config.errors import ConfigError, Problem
from config.settings import ChannelSettings
from config.validation import problems_from_validation


def open_channels(settings: Sequence[ChannelSettings], links: SignedLinks) -> dict[str, Channel]:
    """Return the configured channels by name.

    Args:
        settings: the `channels` of the settings.
        links: the addresses that gateways call back.

    Raises:
        ConfigError: every error in the kinds and options.
    """
    context = ChannelContext(HttpExchange(), links, time.time_ns)
    channels: dict[str, Channel] = {}
    problems: list[Problem] = []
    for i, each in enumerate(settings):
        try:
            kind = _find_kind(i, each)
            channels[each.name] = _build(i, each, kind, context)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return channels


def _find_kind(i: int, settings: ChannelSettings) -> ChannelKind:
    if settings.kind not in CHANNELS:
        expected = f"one of {', '.join(sorted(CHANNELS))}"
        raise ConfigError([Problem("settings", 0, f"channels[{i}].kind", expected, settings.kind, "correct the kind")])
    return CHANNELS[settings.kind]


def _build(i: int, settings: ChannelSettings, kind: ChannelKind, context: ChannelContext) -> Channel:
    options = {**settings.options, **_read_secrets(i, settings, kind)}
    document = Document("settings", {"channels": [*([None] * i), {"options": dict.fromkeys(settings.options)}]})
    try:
        return kind.build(settings.name, options, context)
    except ValidationError as error:
        raise ConfigError(
            problems_from_validation(document, error, kind.options, ("channels", i, "options"))
        ) from error


def _read_secrets(i: int, settings: ChannelSettings, kind: ChannelKind) -> dict[str, str]:
    """Return the secrets from files, by the name of their option."""
    found = {}
    for name in kind.options.model_fields:
        path = settings.options.get(f"{name}_file")
        if path is not None and name in settings.options:
            problem = ("one of the two", f"{name} and {name}_file", f"remove {name}")
            raise ConfigError([Problem("settings", 0, f"channels[{i}].options.{name}", *problem)])
        if path is not None:
            found[name] = _read_secret(i, Path(str(path)))
    return found


def _read_secret(i: int, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        place = f"channels[{i}].options"
        got = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise ConfigError([Problem(str(path), 0, place, "a readable UTF-8 file", got, "correct the path")]) from error

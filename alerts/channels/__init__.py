"""The kinds of channels: one file, one verb and one line in `CHANNELS` for each.

Input: a `Notification`.
Output: an `Outcome`.
Not responsible for: retries, timing and metrics (`alerts.dispatch.dispatcher`); opening (`alerts.channels.loading`).
Rejects: unknown options.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from alerts.channels import sms, webhook
from alerts.channels.http import ChannelContext
from alerts.notification import Channel


@dataclass(frozen=True, slots=True)
class ChannelKind:
    """The options and the constructor of one kind of channel."""

    options: type[BaseModel]
    """Options model; unknown keys are errors."""
    build: Callable[[str, Mapping[str, object], ChannelContext], Channel]
    """(name, options as in the settings, context) to channel; raises pydantic's `ValidationError`."""


CHANNELS: Mapping[str, ChannelKind] = {
    "sms": ChannelKind(sms.Options, sms.build),
    "webhook": ChannelKind(webhook.Options, webhook.build),
}
"""The kind in the settings names the channel. File name, key and heading in docs/alerts.md are the same word."""

"""The channels a notification can leave by: one file each, one verb, one line in `CHANNELS`.

Comes in: a `Notification`. Goes out: an `Outcome`. Retry, timing and metrics belong to `alerts.dispatch.dispatcher`;
opening them
from settings to `alerts.channels.loading`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from alerts.channels import sms, webhook
from alerts.channels.http import Outside
from alerts.notification import Channel


@dataclass(frozen=True, slots=True)
class ChannelKind:
    """How one kind of channel is configured and built."""

    options: type[BaseModel]
    """Its options; unknown keys are errors."""
    build: Callable[[str, Mapping[str, object], Outside], Channel]
    """(name, options as in the settings, outside) to channel; raises pydantic's `ValidationError`."""


CHANNELS: Mapping[str, ChannelKind] = {
    "sms": ChannelKind(sms.Options, sms.build),
    "webhook": ChannelKind(webhook.Options, webhook.build),
}
"""Kind in the settings to channel. File name, key and heading in docs/alerts.md are the same word."""

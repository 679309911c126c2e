"""Webhook: a signed POST to a machine of the city's platform.

Input: a `Notification` with a JSON payload.
Output: one request after the Standard Webhooks specification 1.0, and an `Outcome` read from the status.
Not responsible for: the meaning of the payload at the receiver.
Rejects: plain http and addresses that are not public, unless `allow_private` is set; weak secrets.

`webhook-id` is the notification's id and the same in all attempts: the receiver's idempotency key.
"""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import standardwebhooks
from pydantic import BaseModel, ConfigDict, SecretStr, model_validator

from alerts.channels.http import ChannelContext, ExchangeError, HttpReply
from alerts.notification import Notification, Outcome, Verdict, plain_reason
from config.time_units import SECOND_NS

PUBLIC_PORTS = (443, 8443)
"""Allowed ports on public addresses; assumed: the usual ports of webhook receivers."""
REPAIRABLE = (401, 403, 404, 408, 409, 425, 429)
"""Client errors that an operator of the receiver can repair during the days of retries."""
GONE = 410
"""The receiver accepts no further requests. Source: Standard Webhooks, "410 Gone"."""


class Options(BaseModel):
    """The receiver and the secret of the signature."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True)

    url: str
    """Address of the receiver: https unless `allow_private`."""
    secret: SecretStr | None = None
    """`whsec_` and 24 to 64 bytes as base64, shared with the receiver."""
    secret_file: Path | None = None
    """File that holds the secret, instead of `secret`."""
    allow_private: bool = False
    """Also plain http, any port, and loopback or private addresses: for receivers in the same network."""

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            message = "url: expected https:// and a host, without user name and password"
            raise ValueError(message)
        if not self.allow_private and (parts.scheme != "https" or (parts.port or 443) not in PUBLIC_PORTS):
            message = "url: expected https on port 443 or 8443; allow_private: true permits others"
            raise ValueError(message)
        if self.secret is None or not _is_secret(self.secret.get_secret_value()):
            message = "secret: expected whsec_ and 24 to 64 bytes as base64 in secret or secret_file"
            raise ValueError(message)
        return self


class Webhook:
    """One webhook receiver."""

    def __init__(self, name: str, options: Options, context: ChannelContext) -> None:
        """Send to the receiver in `options`."""
        self._name, self._options, self._context = name, options, context
        secret = options.secret.get_secret_value() if options.secret else ""
        self._signer = standardwebhooks.Webhook(secret)
        self._is_gone = False

    def send(self, notification: Notification) -> Outcome:
        """Send the payload to the receiver."""
        if self._is_gone:
            return Outcome(Verdict.REFUSED, "disabled: the receiver answered 410 before; restart to try again")
        try:
            reply = self._context.exchange.send(
                "POST",
                self._options.url,
                self._sign(notification),
                notification.payload.encode(),
                allow_private=self._options.allow_private,
            )
        except ExchangeError as error:
            return Outcome(Verdict.RETRY, str(error))
        self._is_gone = reply.status == GONE
        return outcome_of(reply)

    def close(self) -> None:
        """Do nothing: no connection stays open."""

    def _sign(self, notification: Notification) -> dict[str, str]:
        """Return the headers with the signature."""
        now = datetime.fromtimestamp(self._context.clock_ns() // SECOND_NS, UTC)
        return {
            "content-type": "application/json",
            "user-agent": "lifeline",
            "webhook-id": notification.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(notification.id, now, notification.payload),
        }


def build(name: str, options: Mapping[str, object], context: ChannelContext) -> Webhook:
    """Return the channel that `options` describe.

    Raises:
        ValidationError: an option is missing, unknown or wrong.
    """
    return Webhook(name, Options.model_validate(options), context)


def outcome_of(reply: HttpReply) -> Outcome:
    """Return the outcome that the receiver's `reply` stands for."""
    reason = f"{reply.status} {plain_reason(reply.body)}".strip()
    if 200 <= reply.status < 300:
        return Outcome(Verdict.SENT, reason)
    if 400 <= reply.status < 500 and reply.status not in REPAIRABLE:
        return Outcome(Verdict.REFUSED, reason)
    return Outcome(Verdict.RETRY, reason, retry_after_s=reply.retry_after_s)


def _is_secret(text: str) -> bool:
    try:
        length = len(base64.b64decode(text.removeprefix("whsec_") + "==", validate=True))
    except (binascii.Error, ValueError):
        return False
    return text.startswith("whsec_") and 24 <= length <= 64

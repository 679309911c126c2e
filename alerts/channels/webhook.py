"""Webhook: a signed POST to a machine of the city's platform.

Comes in: a `Notification` whose payload is JSON. Goes out: one request after the Standard Webhooks specification 1.0,
and an `Outcome` read from the status. Refuses redirects and, unless told otherwise, addresses that are not public.

`webhook-id` is the notification's id and the same over all attempts: the receiver's idempotency key.
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

from alerts.channels.http import ExchangeError, Outside, Reply, Request, plain_reason
from alerts.notification import Notification, Outcome, Verdict

PUBLIC_PORTS = (443, 8443)
"""Ports on public addresses; assumed: what webhook receivers use."""
REPAIRABLE = (401, 403, 404, 408, 409, 425, 429)
"""Client errors that somebody can repair at the other side within the days that we try."""
GONE = 410
"""The receiver wants no more. Source: Standard Webhooks, "410 Gone"."""


class Options(BaseModel):
    """Where to, and signed with what."""

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
    """One receiver."""

    def __init__(self, name: str, options: Options, outside: Outside) -> None:
        """Send to the receiver in `options`."""
        self._name, self._options, self._outside = name, options, outside
        secret = options.secret.get_secret_value() if options.secret else ""
        self._signer = standardwebhooks.Webhook(secret)
        self._is_gone = False

    def send(self, notification: Notification) -> Outcome:
        """Hand the payload over to the receiver."""
        if self._is_gone:
            return Outcome(Verdict.REFUSED, "disabled: the receiver answered 410 before; restart to try again")
        try:
            reply = self._outside.exchange.send(self._request(notification))
        except ExchangeError as error:
            return Outcome(Verdict.RETRY, str(error))
        self._is_gone = reply.status == GONE
        return outcome_of(reply)

    def close(self) -> None:
        """Nothing is kept open."""

    def _request(self, notification: Notification) -> Request:
        now = datetime.fromtimestamp(self._outside.clock_ns() // 10**9, UTC)
        headers = {
            "content-type": "application/json",
            "user-agent": "lifeline",
            "webhook-id": notification.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(notification.id, now, notification.payload),
        }
        body = notification.payload.encode()
        return Request("POST", self._options.url, headers, body, allow_private=self._options.allow_private)


def build(name: str, options: Mapping[str, object], outside: Outside) -> Webhook:
    """Return the channel that `options` describe.

    Raises:
        ValidationError: they are not right.
    """
    return Webhook(name, Options.model_validate(options), outside)


def outcome_of(reply: Reply) -> Outcome:
    """Return what the receiver's `reply` means for the notification."""
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

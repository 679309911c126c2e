"""SMS by an HTTP gateway that speaks Kannel's sendsms.

Comes in: a `Notification` to a phone number. Goes out: one request, and an `Outcome` read from the gateway's answer.
Refuses to wait for the phone: that is the delivery report's part, which the gateway calls back with.

Source: Kannel 1.4.5 user guide, "Using the HTTP interface to send SMS messages" and "SMS push reply codes".
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Self
from urllib.parse import quote, urlencode, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from alerts.channels.http import ExchangeError, Outside, Reply, Request, plain_reason
from alerts.notification import Notification, Outcome, Verdict

UNICODE = "2"
"""`coding`: UCS-2, the only one with Chinese."""
ALL_REPORTS = "31"
"""`dlr-mask`: delivered 1, failed 2, queued 4, accepted 8, rejected 16."""


class Options(BaseModel):
    """Where the gateway is and who we are there."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True)

    url: str
    """Its sendsms address, e.g. http://127.0.0.1:13013/cgi-bin/sendsms."""
    username: str = Field(min_length=1)
    """Account at the gateway."""
    password: SecretStr | None = None
    """Password of the account."""
    password_file: Path | None = None
    """File that holds the password, instead of `password`."""
    sender: str = Field("", max_length=15)
    """Sender number or name; empty leaves it to the gateway."""
    smsc: str = ""
    """Id of the operator's connection to use; empty leaves it to the gateway."""
    receipt_within_s: float = Field(120.0, ge=0, le=86_400, allow_inf_nan=False)
    """How long the receipt of an orange or red warning may take before the next target is told; 0: for ever."""

    @model_validator(mode="after")
    def _is_usable(self) -> Self:
        if urlsplit(self.url).scheme not in ("http", "https") or not urlsplit(self.url).hostname:
            message = "url: expected http:// or https:// and a host"
            raise ValueError(message)
        if self.password is None:
            message = "password: expected one of password and password_file"
            raise ValueError(message)
        return self


class Sms:
    """One gateway."""

    def __init__(self, name: str, options: Options, outside: Outside) -> None:
        """Send through the gateway in `options`, known to receipts as `name`."""
        self._name, self._options, self._outside = name, options, outside

    def send(self, notification: Notification) -> Outcome:
        """Hand the message over to the gateway."""
        try:
            reply = self._outside.exchange.send(self._request(notification))
        except ExchangeError as error:
            return Outcome(Verdict.RETRY, str(error))
        outcome = outcome_of(reply)
        is_awaited = outcome.verdict is Verdict.SENT and self._options.receipt_within_s
        return replace(outcome, receipt_within_s=self._options.receipt_within_s) if is_awaited else outcome

    def close(self) -> None:
        """Nothing is kept open."""

    def _request(self, notification: Notification) -> Request:
        options = self._options
        fields = {
            "username": options.username,
            "password": options.password.get_secret_value() if options.password else "",
            "to": notification.address,
            "charset": "UTF-8",
            "coding": UNICODE,
            "text": notification.text,
            "dlr-mask": ALL_REPORTS,
            "dlr-url": self._outside.links.receipt_link(self._name, notification.id),
        }
        fields |= {"from": options.sender} if options.sender else {}
        fields |= {"smsc": options.smsc} if options.smsc else {}
        mark = "&" if urlsplit(options.url).query else "?"
        url = f"{options.url}{mark}{urlencode(fields, quote_via=quote, safe='')}"
        return Request("GET", url, {"user-agent": "lifeline"}, b"", allow_private=True)


def build(name: str, options: Mapping[str, object], outside: Outside) -> Sms:
    """Return the channel that `options` describe.

    Raises:
        ValidationError: they are not right.
    """
    return Sms(name, Options.model_validate(options), outside)


def outcome_of(reply: Reply) -> Outcome:
    """Return what the gateway's `reply` means for the message."""
    said = plain_reason(reply.body)
    if reply.status in (200, 202):
        # Some gateways answer 200 and refuse in the text: only the words of acceptance count.
        is_taken = said.startswith(("0:", "3:", "Sent"))
        return Outcome(Verdict.SENT if is_taken else Verdict.RETRY, said or "empty_reply")
    reason = f"{reply.status} {said}".strip()
    if _is_final(reply.status, said):
        return Outcome(Verdict.REFUSED, reason)
    return Outcome(Verdict.RETRY, reason, retry_after_s=reply.retry_after_s)


def _is_final(status: int, said: str) -> bool:
    """Tell whether the gateway will never take this message, whatever an operator repairs."""
    if status == 403:
        return "denied" in said.lower()
    return status == 400 and "sender" not in said.lower()

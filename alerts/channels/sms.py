"""SMS through an HTTP gateway with Kannel's sendsms interface.

Input: a `Notification` to a phone number.
Output: one request, and an `Outcome` read from the gateway's answer.
Not responsible for: delivery to the phone; the gateway calls back with a delivery report.
Rejects: options without a usable address or password.

Source: Kannel 1.4.5 user guide, "Using the HTTP interface to send SMS messages" and "SMS push reply codes".
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Self
from urllib.parse import quote, urlencode, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from alerts.channels.http import ChannelContext, ExchangeError, HttpReply
from alerts.notification import Notification, Outcome, Verdict, plain_reason

UNICODE = "2"
"""`coding`: UCS-2, the only coding with Chinese."""
ALL_REPORTS = "31"
"""`dlr-mask`: delivered 1, failed 2, queued 4, accepted 8, rejected 16."""
_HEADERS = {"user-agent": "lifeline"}


class Options(BaseModel):
    """The gateway and the account there."""

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
    """The longest wait for the receipt of an orange or red warning before the next recipient gets it; 0: no limit."""

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
    """One SMS gateway."""

    def __init__(self, name: str, options: Options, context: ChannelContext) -> None:
        """Send through the gateway in `options`; its receipts name the channel `name`."""
        self._name, self._options, self._context = name, options, context

    def send(self, notification: Notification) -> Outcome:
        """Hand the message over to the gateway."""
        try:
            reply = self._context.exchange.send("GET", self._url(notification), _HEADERS, b"", allow_private=True)
        except ExchangeError as error:
            return Outcome(Verdict.RETRY, str(error))
        outcome = outcome_of(reply)
        has_receipt = outcome.verdict is Verdict.SENT and self._options.receipt_within_s
        return replace(outcome, receipt_within_s=self._options.receipt_within_s) if has_receipt else outcome

    def close(self) -> None:
        """Do nothing: no connection stays open."""

    def _url(self, notification: Notification) -> str:
        options = self._options
        fields = {
            "username": options.username,
            "password": options.password.get_secret_value() if options.password else "",
            "to": notification.address,
            "charset": "UTF-8",
            "coding": UNICODE,
            "text": notification.text,
            "dlr-mask": ALL_REPORTS,
            "dlr-url": self._context.links.receipt_link(self._name, notification.id),
        }
        fields |= {"from": options.sender} if options.sender else {}
        fields |= {"smsc": options.smsc} if options.smsc else {}
        mark = "&" if urlsplit(options.url).query else "?"
        return f"{options.url}{mark}{urlencode(fields, quote_via=quote, safe='')}"


def build(name: str, options: Mapping[str, object], context: ChannelContext) -> Sms:
    """Return the channel that `options` describe.

    Raises:
        ValidationError: an option is missing, unknown or wrong.
    """
    return Sms(name, Options.model_validate(options), context)


def outcome_of(reply: HttpReply) -> Outcome:
    """Return the outcome that the gateway's `reply` stands for."""
    said = plain_reason(reply.body)
    if reply.status in (200, 202):
        # Some gateways answer 200 and reject in the text: only the words of acceptance count.
        is_accepted = said.startswith(("0:", "3:", "Sent"))
        return Outcome(Verdict.SENT if is_accepted else Verdict.RETRY, said or "empty_reply")
    reason = f"{reply.status} {said}".strip()
    if _is_final(reply.status, said):
        return Outcome(Verdict.REFUSED, reason)
    return Outcome(Verdict.RETRY, reason, retry_after_s=reply.retry_after_s)


def _is_final(status: int, said: str) -> bool:
    """Return whether the gateway will never accept this message, so that no repair by an operator helps."""
    if status == 403:
        return "denied" in said.lower()
    return status == 400 and "sender" not in said.lower()

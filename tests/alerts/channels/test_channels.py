"""The contract of every channel in the table, and how each channel reads its answers."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import standardwebhooks
from pydantic import ValidationError

from alerts.channels import CHANNELS, sms, webhook
from alerts.channels.http import MAX_REPLY_BYTES, ChannelContext, ExchangeError, HttpReply
from alerts.channels.http_client import is_public, parse_retry_after
from alerts.channels.loading import open_channels
from alerts.notification import Channel, Notification, NotificationKind, Outcome, Verdict, plain_reason
from config.errors import ConfigError
from config.settings import ChannelSettings
from tests.alerts.scenes import LINKS

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OPTIONS: dict[str, dict[str, object]] = {
    "sms": {"url": "http://127.0.0.1:13013/cgi-bin/sendsms", "username": "lifeline", "password": "secret-word"},
    "webhook": {"url": "https://platform.example/hook", "secret": SECRET},
}
"""Options that are right, by kind."""

WARNING = Notification(
    "00112233445566778899aabb",
    "a1",
    NotificationKind.RAISED,
    "out",
    "ann",
    "+8613800000000",
    4,
    "橙色 & 预警",
    '{"a":"橙"}',
    0,
)


@dataclass(frozen=True)
class Request:
    """One recorded request."""

    url: str
    headers: dict[str, str]
    body: bytes
    allow_private: bool


@dataclass
class Tape:
    """Plays replies and keeps requests: the pure side of a channel meets real servers in end_to_end."""

    replies: list[HttpReply | ExchangeError]
    requests: list[Request] = field(default_factory=list)

    def send(self, _method, url, headers, body, *, allow_private) -> HttpReply:
        """Return the next reply, or raise the next error."""
        self.requests.append(Request(url, headers, body, allow_private))
        reply = self.replies.pop(0)
        if isinstance(reply, ExchangeError):
            raise reply
        return reply


def channel(kind: str, *replies: HttpReply | ExchangeError, **options) -> tuple[Channel, Tape]:
    """Return a channel of `kind` and the tape behind it."""
    tape = Tape(list(replies))
    context = ChannelContext(tape, LINKS, lambda: int(datetime.now(UTC).timestamp()) * 10**9)
    return CHANNELS[kind].build("out", {**OPTIONS[kind], **options}, context), tape


def test_table_of_channels_has_tested_options_for_each():
    """A new channel joins the tests of this file by one line of options."""
    assert set(CHANNELS) == set(OPTIONS)


def test_table_of_channels_names_their_files():
    """The kind in the settings is the name of the file."""
    assert {kind: f"alerts.channels.{kind}" for kind in CHANNELS} == {
        kind: each.options.__module__ for kind, each in CHANNELS.items()
    }


def test_table_of_channels_is_documented():
    """Each channel has its heading in docs/alerts.md, and each option is named below it."""
    text = (Path(__file__).parents[3] / "docs" / "alerts.md").read_text(encoding="utf-8")

    for kind, each in CHANNELS.items():
        section = text.partition(f"### `{kind}`")[2].partition("\n### ")[0]
        assert [] == [name for name in each.options.model_fields if f"`{name}`" not in section], kind


@pytest.mark.parametrize("kind", CHANNELS)
def test_channel_with_an_unknown_option_is_rejected(kind):
    """A misspelt option is an error, not a default."""
    with pytest.raises(ValidationError, match="extra_forbidden"):
        channel(kind, urll="x")


@pytest.mark.parametrize("kind", CHANNELS)
@pytest.mark.parametrize("reason", ["timeout", "no_connection", "private_address"])
def test_channel_without_an_answer_asks_for_a_retry(kind, reason):
    """Without an answer the outcome is unknown: the identical notification is sent again, with a reason."""
    assert Outcome(Verdict.RETRY, reason) == channel(kind, ExchangeError(reason))[0].send(WARNING)


@pytest.mark.parametrize("kind", CHANNELS)
@pytest.mark.parametrize("status", [0, 100, 301, 302, 307, 401, 404, 408, 429, 500, 502, 503, 599])
def test_channel_with_a_passing_trouble_asks_for_a_retry(kind, status):
    """A repairable error is tried again, and a redirect is not followed."""
    sender, tape = channel(kind, HttpReply(status, "no", 7.0))
    outcome = sender.send(WARNING)

    assert (Verdict.RETRY, 7.0, 1) == (outcome.verdict, outcome.retry_after_s, len(tape.requests))
    assert str(status) in outcome.reason


@pytest.mark.parametrize("kind", CHANNELS)
def test_channel_never_shows_its_secret(kind):
    """Neither options nor outcomes print a password or a signature's secret."""
    options = CHANNELS[kind].options.model_validate(OPTIONS[kind])
    sender, _ = channel(kind, HttpReply(500, "x", None))

    shown = f"{options!r} {options.model_dump()} {sender.send(WARNING)}"
    assert "secret-word" not in shown
    assert SECRET not in shown


@pytest.mark.parametrize("kind", CHANNELS)
def test_channel_reason_of_a_hostile_reply_is_short_and_printable(kind):
    """A megabyte of control characters becomes one short line."""
    reply = HttpReply(500, "\x1b[2J\u202e" + "x" * MAX_REPLY_BYTES + "\nsecond", None)
    outcome = channel(kind, reply)[0].send(WARNING)

    assert len(outcome.reason) < 130
    assert outcome.reason.isprintable()


@pytest.mark.parametrize("kind", CHANNELS)
def test_channel_repeats_the_identical_notification(kind):
    """Law 6: every attempt names the same id."""
    sender, tape = channel(kind, HttpReply(503, "", None), HttpReply(202, "0: Accepted for delivery", None))

    assert [Verdict.RETRY, Verdict.SENT] == [sender.send(WARNING).verdict for _ in range(2)]
    first, second = tape.requests
    assert (first.url, first.body) == (second.url, second.body)
    assert first.headers.get("webhook-id") == second.headers.get("webhook-id")


def test_sms_request_speaks_sendsms():
    """Chinese text, all reports, and where to call back."""
    sender, tape = channel("sms", HttpReply(202, "0: Accepted for delivery", None), sender="106", smsc="unicom")
    sender.send(WARNING)

    query = parse_qs(urlsplit(tape.requests[0].url).query, strict_parsing=True)
    assert {name: values[0] for name, values in query.items()} == {
        "username": "lifeline",
        "password": "secret-word",
        "to": "+8613800000000",
        "charset": "UTF-8",
        "coding": "2",
        "text": "橙色 & 预警",
        "dlr-mask": "31",
        "dlr-url": LINKS.receipt_link("out", WARNING.id),
        "from": "106",
        "smsc": "unicom",
    }


SMS_REPLIES = [
    (202, "0: Accepted for delivery", Verdict.SENT),
    (202, "3: Queued for later delivery", Verdict.SENT),
    (200, "Sent.", Verdict.SENT),
    (200, "1: Out of credit", Verdict.RETRY),
    (202, "", Verdict.RETRY),
    (403, "Authorization failed for sendsms", Verdict.RETRY),
    (403, "Number(s) has/have been denied by white- and/or black-lists.", Verdict.REFUSED),
    (400, "Garbage 'to' field, rejected.", Verdict.REFUSED),
    (400, "Sender missing and no global set, rejected", Verdict.RETRY),
    (503, "Temporal failure, try again later.", Verdict.RETRY),
]


@pytest.mark.parametrize(("status", "body", "verdict"), SMS_REPLIES)
def test_sms_reply_of_the_gateway_is_read_by_its_words(status, body, verdict):
    """Accepted, repairable or final: the status alone does not tell."""
    assert verdict == sms.outcome_of(HttpReply(status, body, None)).verdict


WEBHOOK_REPLIES = {
    200: Verdict.SENT, 202: Verdict.SENT, 204: Verdict.SENT, 301: Verdict.RETRY, 400: Verdict.REFUSED,
    401: Verdict.RETRY, 403: Verdict.RETRY, 404: Verdict.RETRY, 409: Verdict.RETRY, 410: Verdict.REFUSED,
    413: Verdict.REFUSED, 422: Verdict.REFUSED, 425: Verdict.RETRY, 429: Verdict.RETRY, 500: Verdict.RETRY,
}  # fmt: skip


@pytest.mark.parametrize(("status", "verdict"), WEBHOOK_REPLIES.items())
def test_webhook_reply_is_read_by_its_status(status, verdict):
    """Taken, repairable or final."""
    assert verdict == webhook.outcome_of(HttpReply(status, "", None)).verdict


def test_webhook_request_is_signed():
    """The receiver's own library believes it, and reads the payload unchanged."""
    sender, tape = channel("webhook", HttpReply(204, "", None))
    sender.send(WARNING)
    [request] = tape.requests

    assert json.loads(WARNING.payload) == standardwebhooks.Webhook(SECRET).verify(request.body, dict(request.headers))
    assert (WARNING.id, False) == (request.headers["webhook-id"], request.allow_private)


def test_webhook_that_is_gone_is_not_asked_again():
    """410 disables the receiver until a restart."""
    sender, tape = channel("webhook", HttpReply(410, "Gone", None))

    assert [Verdict.REFUSED, Verdict.REFUSED] == [sender.send(WARNING).verdict for _ in range(2)]
    assert 1 == len(tape.requests)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("url", "http://platform.example/hook"),
        ("url", "https://platform.example:6379/hook"),
        ("url", "https://user:word@platform.example/hook"),
        ("url", "file:///etc/passwd"),
        ("url", "https:///hook"),
        ("secret", "whsec_c2hvcnQ="),
        ("secret", SECRET.removeprefix("whsec_")),
        ("secret", None),
    ],
)
def test_webhook_with_an_unsafe_option_is_rejected(option, value):
    """Plain http, other ports, credentials in the address and weak secrets are errors at load."""
    with pytest.raises(ValidationError):
        channel("webhook", **{option: value})


def test_webhook_in_the_same_network_may_be_plain():
    """`allow_private` permits plain http and a private address."""
    sender, tape = channel("webhook", HttpReply(200, "", None), url="http://10.0.0.5:9000/hook", allow_private=True)
    sender.send(WARNING)

    assert tape.requests[0].allow_private


@pytest.mark.parametrize(("option", "value"), [("url", "ftp://gateway/"), ("url", "http://"), ("password", None)])
def test_sms_with_an_unusable_option_is_refused(option, value):
    """A gateway needs an address and a password."""
    with pytest.raises(ValidationError):
        channel("sms", **{option: value})


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2606:4700:4700::1111", True), ("::ffff:8.8.8.8", True), ("64:ff9b::808:808", True),
        ("127.0.0.1", False), ("::1", False), ("0.0.0.0", False), ("10.1.2.3", False), ("172.16.0.1", False),
        ("192.168.1.1", False), ("169.254.169.254", False), ("100.64.0.1", False), ("224.0.0.1", False),
        ("255.255.255.255", False), ("::ffff:127.0.0.1", False), ("64:ff9b::7f00:1", False), ("2002:7f00:1::", False),
        ("fe80::1%eth0", False), ("fc00::1", False), ("ff02::1", False), ("0x7f000001", False), ("localhost", False),
    ],
)  # fmt: skip
def test_public_address_is_told_from_all_others(address, public):
    """Loopback, private, link-local, metadata, carrier-grade and wrapped addresses are not public."""
    assert public == is_public(address)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("120", 120.0),
        ("0", 0.0),
        ("-5", None),
        ("Wed, 21 Oct 2026 07:28 GMT", None),
        ("9" * 400, None),
    ],
)
def test_retry_after_is_believed_in_seconds_only(header, seconds):
    """A date depends on two clocks; back-off decides then."""
    assert seconds == parse_retry_after(header)


def test_reason_of_an_empty_reply_is_empty():
    """A blank reply has no reason."""
    assert "" == plain_reason(" \n ")


def settings(kind: str, **changes) -> ChannelSettings:
    """Return the settings of a right channel of `kind`, changed."""
    return ChannelSettings(name=kind, kind=kind, options={**OPTIONS.get(kind, {}), **changes})


def test_open_gives_every_channel_by_name():
    """Settings in, channels out."""
    channels = open_channels([settings(kind) for kind in CHANNELS], LINKS)

    assert {"sms": sms.Sms, "webhook": webhook.Webhook} == {name: type(each) for name, each in channels.items()}
    for each in channels.values():
        each.close()


def test_open_reads_secrets_from_files(tmp_path):
    """A `*_file` stands for its secret, without the line break at its end."""
    (tmp_path / "secret").write_text(SECRET + "\n")
    options = {"url": OPTIONS["webhook"]["url"], "secret_file": str(tmp_path / "secret")}

    assert {"hook"} == set(open_channels([ChannelSettings(name="hook", kind="webhook", options=options)], LINKS))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (settings("pager"), "settings:0 channels[1].kind: expected one of sms, webhook, got pager"),
        (settings("sms", urll="x"), "channels[1].options.urll: expected one of"),
        (settings("sms", password_file="/nowhere"), "channels[1].options.password: expected one of the two"),
        (
            ChannelSettings(name="sms", kind="sms", options={"password_file": "/nowhere"}),
            "/nowhere:0 channels[1].options: expected a readable UTF-8 file, got No such file or directory",
        ),
        (settings("webhook", url="http://plain.example"), "expected https on port 443 or 8443"),
    ],
)
def test_open_with_wrong_settings_names_option_and_expectation(wrong, message):
    """Kinds, options and files are checked before anything starts, and no secret is shown."""
    with pytest.raises(ConfigError) as caught:
        open_channels([settings("webhook"), wrong], LINKS)

    assert message in str(caught.value)
    assert "secret-word" not in str(caught.value)
    assert SECRET not in str(caught.value)

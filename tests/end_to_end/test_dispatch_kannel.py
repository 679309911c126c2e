"""The dispatcher through a real Kannel: the story's three messages, receipts, refusals and a gateway that is away."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from alerts.alert import Alert
from alerts.channels.loading import open_channels
from alerts.dispatch.dispatcher import Dispatcher
from alerts.ledger.ledger import Ledger
from alerts.ledger.sql_ledger import open_ledger
from alerts.links import SignedLinks, verify
from alerts.outbox.delivery_reports import ReceiptError, read_receipt
from config.settings import ChannelSettings
from tests.alerts import scenes
from tests.alerts.scenes import HAZARD, ORANGE, SECRET, cleared, commit, raised
from tests.services.kannel import Kannel

pytestmark = pytest.mark.end_to_end


def wait_until(is_true: Callable[[], bool], what: str, timeout_s: float = 40.0) -> None:
    """Return when `is_true`; fail with `what` when it takes too long."""
    end_s = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < end_s, what
        time.sleep(0.02)


class ReceiptsPage:
    """The part of the console for delivery reports: it accepts or rejects, and stores."""

    def __init__(self, ledger: Ledger) -> None:
        """Listen on a free port."""
        self.refused: list[str] = []
        page = self

        class Call(BaseHTTPRequestHandler):
            """One report."""

            def do_GET(self) -> None:
                """Store it."""
                parts = urlsplit(self.path)
                status = parse_qs(parts.query).get("status", [""])[0]
                try:
                    receipt = read_receipt(SECRET, parts.path.rpartition("/")[2], status)
                except ReceiptError as error:
                    page.refused.append(str(error))
                else:
                    ledger.outbox.record_receipt(receipt, time.time_ns())
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Call)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


class City:
    """A ledger, its dispatcher to a gateway, and the page for reports."""

    def __init__(self, ledger: Ledger, kannel: Kannel, page: ReceiptsPage, password: str) -> None:
        """Start sending."""
        self.ledger, self.page = ledger, page
        self.links = SignedLinks(page.url, SECRET)
        options = {"url": kannel.send_url, "username": kannel.username, "password": password, "sender": "106"}
        settings = ChannelSettings(name="sms", kind="sms", options=options)
        self.dispatcher = Dispatcher(ledger, open_channels([settings], self.links), time.time_ns)
        self.dispatcher.start()

    def happens(self, *rows: scenes.Row) -> Alert:
        """Commit `rows` and wake the dispatcher; returns the alert."""
        where = scenes.district()
        made = commit(self.ledger, *rows, where=scenes.replace(where, links=self.links))
        self.dispatcher.wake()
        return made.plan.alerts[0]

    def states(self, alert: Alert) -> list[str]:
        """Return the state of each of the alert's notifications."""
        return [each.state for each in self.ledger.outbox.read_deliveries(alert.id)]


@pytest.fixture
def make_city(tmp_path, kannel) -> Iterator[Callable[..., City]]:
    """Return a function that starts everything around the gateway."""
    with contextlib.ExitStack() as stack:
        ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
        stack.callback(ledger.close)
        page = ReceiptsPage(ledger)
        stack.callback(page.close)

        def make(password: str = kannel.password) -> City:
            """Return a city that sends."""
            city = City(ledger, kannel, page, password)
            stack.callback(city.dispatcher.stop)
            return city

        yield make


def test_orange_warning_reaches_three_phones_with_receipts(make_city, kannel):
    """The headline: three messages in Chinese and English within two seconds, and the operator's receipt for each."""
    city = make_city()
    alert = city.happens(raised(HAZARD, ORANGE))
    wait_until(lambda: len(kannel.received) == 3, "three messages")
    wait_until(lambda: all(each.receipts for each in city.ledger.outbox.read_deliveries(alert.id)), "three receipts")

    deliveries = city.ledger.outbox.read_deliveries(alert.id)
    assert {each.notification.address: each.notification.text for each in deliveries} == {
        "+" + message.to.lstrip("+"): message.text for message in kannel.received
    }
    sent_ns = [each.first_sent_ns for each in deliveries]
    assert max(sent_ns) - min(sent_ns) <= 2 * scenes.SECOND_NS


def test_link_in_the_message_proves_its_notification(make_city, kannel):
    """The text on the phone leads back to its notification."""
    city = make_city()
    alert = city.happens(raised(HAZARD, ORANGE))
    wait_until(lambda: len(kannel.received) == 3, "three messages")

    tokens = {message.text.rpartition("/a/")[2] for message in kannel.received}
    ids = {each.notification.id for each in city.ledger.outbox.read_deliveries(alert.id)}
    assert ids == {verify(SECRET, token) for token in tokens}


def test_end_of_the_danger_reaches_the_same_phones(make_city, kannel):
    """The return to normal goes to exactly those three."""
    city = make_city()
    city.happens(raised(HAZARD, ORANGE))
    city.happens(cleared(HAZARD, ORANGE))
    wait_until(lambda: len(kannel.received) == 6, "six messages")

    for phone in {message.to for message in kannel.received}:
        danger, end = [message.text for message in kannel.received if message.to == phone]
        assert "0.00 MPa" in danger
        assert "恢复正常" in end or "Back to normal" in end


def test_report_of_the_phone_ends_the_delivery(make_city, kannel):
    """The message centre reports that the phone has it."""
    city = make_city()
    alert = city.happens(raised(HAZARD, ORANGE))
    wait_until(lambda: len(kannel.received) == 3, "three messages")
    wait_until(lambda: city.states(alert) == ["sent"] * 3, "sent")
    for message in kannel.received:
        kannel.report(message, 1)

    wait_until(lambda: city.states(alert) == ["delivered"] * 3, "delivered")


def test_message_that_the_operator_refuses_is_not_taken_for_delivered(make_city, kannel):
    """The gateway said yes; the operator's no arrives as a report and is stored."""
    kannel.answer = (403, "Denied")
    city = make_city()
    alert = city.happens(raised(HAZARD, ORANGE))

    wait_until(lambda: city.states(alert) == ["refused"] * 3, "refused")
    assert [] == city.page.refused


def test_gateway_that_is_away_gets_everything_once_it_is_back(make_city, kannel):
    """Stopped and started again, the gateway has each message once."""
    kannel.stop()
    city = make_city()
    alert = city.happens(raised(HAZARD, ORANGE))
    wait_until(lambda: city.dispatcher.status().channels["sms"].down_since_ns is not None, "an outage")
    kannel.start()

    wait_until(lambda: city.states(alert) == ["sent"] * 3, "sent", 60)
    wait_until(lambda: len(kannel.received) == 3, "three messages")


def test_wrong_password_is_an_outage_and_loses_nothing(make_city, kannel):
    """An operator can repair it: the messages wait."""
    city = make_city("wrong")
    alert = city.happens(raised(HAZARD, ORANGE))
    wait_until(lambda: city.dispatcher.status().channels["sms"].down_since_ns is not None, "an outage")

    assert "Authorization" in city.dispatcher.status().channels["sms"].reason
    wait_until(lambda: city.states(alert) == ["pending"] * 3, "all wait")
    city.dispatcher.stop()
    make_city()
    wait_until(lambda: len(kannel.received) == 3, "three messages")

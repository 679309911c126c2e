"""HTTP exchanges against receivers that drip, flood, are not there, or must not be reached."""

import contextlib
import socket
import time

import pytest

from alerts.channels.http import DEADLINE_S, MAX_REPLY_BYTES, ExchangeError, HttpReply
from alerts.channels.http_client import HttpExchange
from tests.services.receiver import Receiver

pytestmark = pytest.mark.end_to_end


@pytest.fixture
def make_receiver():
    """Return a function that starts receivers; all are stopped after the test."""
    with contextlib.ExitStack() as stack:

        def make(*answer) -> Receiver:
            """Return a receiver that listens."""
            receiver = Receiver(*answer)
            stack.callback(receiver.close)
            return receiver

        yield make


def post(url: str, *, deadline_s: float = DEADLINE_S, allow_private: bool = True) -> HttpReply:
    """Return the reply to a POST to `url`."""
    return HttpExchange(deadline_s).send("POST", url, {"webhook-id": "n"}, b"{}", allow_private=allow_private)


def test_exchange_with_a_byte_a_second_ends_by_the_deadline(make_receiver):
    """Neither a dripping body nor a dripping head holds an attempt longer than its deadline."""
    receiver = make_receiver(lambda _: (200, {}, b"x" * 50))

    def drip(write, content) -> None:
        """Send a byte every 100 ms."""
        for i in range(len(content)):
            write(content[i : i + 1])
            time.sleep(0.1)

    receiver.drip = drip
    began_s = time.monotonic()

    with pytest.raises(ExchangeError, match="timeout"):
        post(receiver.url, deadline_s=0.5)
    assert time.monotonic() - began_s < 3


def test_exchange_with_an_endless_reply_reads_its_beginning(make_receiver):
    """No more than 64 KiB of a reply is read."""
    receiver = make_receiver(lambda _: (200, {}, b"x" * 5_000_000))

    assert MAX_REPLY_BYTES == len(post(receiver.url).body)


def test_exchange_with_nobody_there_says_so():
    """A closed port is a reason, not an exception of some library."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ExchangeError, match="no_connection"):
            post(f"http://127.0.0.1:{taken.getsockname()[1]}/")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0x7f000001", "2130706433", "[::ffff:127.0.0.1]"])
def test_exchange_never_connects_to_a_private_address(make_receiver, host):
    """However loopback is spelled, a request that must be public does not reach it."""
    receiver = make_receiver()

    with pytest.raises(ExchangeError, match=r"private_address|unknown_host"):
        post(f"http://{host}:{receiver.port}/hook", allow_private=False)
    assert [] == receiver.arrivals


def test_exchange_ignores_proxies_of_the_environment(make_receiver, monkeypatch):
    """A proxy variable does not redirect warnings."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")

    assert 204 == post(make_receiver().url).status

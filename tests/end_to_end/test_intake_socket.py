"""The buffer between paho and the kernel, on a real pair of sockets."""

import socket

import pytest

from collector.intake.paho_client import BufferedSocket

pytestmark = pytest.mark.end_to_end


@pytest.fixture
def pair():
    """Return a buffered non-blocking socket and the plain one at its other end."""
    ours, theirs = socket.socketpair()
    buffered = BufferedSocket(ours)
    ours.setblocking(False)  # noqa: FBT003 - the signature of a socket
    theirs.settimeout(5)
    yield buffered, theirs
    ours.close()
    theirs.close()


def _read_all(theirs: socket.socket, size: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        received += theirs.recv(1 << 20)
    return bytes(received)


def test_recv_gives_bytes_in_order_whatever_the_sizes(pair):
    """One read of the kernel serves many small ones."""
    buffered, theirs = pair
    theirs.sendall(b"abcdefgh")
    first = buffered.recv(1)
    pending = buffered.pending()

    assert (b"a", 7, b"bc", b"defgh", 0) == (first, pending, buffered.recv(2), buffered.recv(99), buffered.pending())


def test_recv_of_nothing_would_block(pair):
    """An empty socket says so, as paho expects."""
    with pytest.raises(BlockingIOError):
        pair[0].recv(1)


def test_recv_after_the_end_gives_no_bytes(pair):
    """Bytes before the end are read first, then the end."""
    buffered, theirs = pair
    theirs.sendall(b"a")
    theirs.shutdown(socket.SHUT_WR)

    assert (b"a", b"") == (buffered.recv(9), buffered.recv(9))


def test_send_leaves_with_flush(pair):
    """Many sends are one packet."""
    buffered, theirs = pair
    for octet in (b"a", b"b", b"c"):
        buffered.send(octet)

    assert (True, b"abc") == (buffered.flush(), theirs.recv(9))


def test_flush_into_a_full_socket_keeps_the_rest(pair):
    """Bytes that the kernel does not take now are sent later, none twice."""
    buffered, theirs = pair
    octets = bytes(range(256)) * 20_000
    buffered.send(octets)
    first = buffered.flush()
    received = b""
    while not buffered.flush():
        received += theirs.recv(1 << 20)
    received += _read_all(theirs, len(octets) - len(received))

    assert (False, True) == (first, octets == received)


def test_close_sends_the_last_words(pair):
    """An acknowledgement that was given before the end still leaves."""
    buffered, theirs = pair
    buffered.send(b"bye")
    buffered.close()

    assert (b"bye", b"") == (theirs.recv(9), theirs.recv(9))


def test_close_of_a_dead_connection_is_harmless(pair):
    """The last packet may be lost."""
    buffered, theirs = pair
    theirs.close()
    buffered.send(b"bye")
    buffered.close()

    assert -1 == buffered.fileno()

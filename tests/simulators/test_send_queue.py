import threading

import pytest

from simulators.send_queue import PublishError, SendQueue


def test_put_into_empty_queue_asks_to_wake_the_taker():
    """Only the first message of an empty queue needs a wake-up."""
    queue = SendQueue(10)

    assert [True, False] == [queue.put("a", b"1"), queue.put("a", b"2")]


def test_take_returns_messages_in_order_and_keeps_them_pending():
    """Taken is not acknowledged: what was taken still counts."""
    queue = SendQueue(10)
    for number in (b"1", b"2", b"3"):
        queue.put("a", number)

    assert [("a", b"1"), ("a", b"2")] == queue.take(2)
    assert 3 == queue.pending


def test_put_beyond_the_limit_waits_for_an_acknowledgement():
    """A giver is held while the limit is reached, and released by one acknowledgement."""
    queue = SendQueue(1)
    queue.put("a", b"1")
    giver = threading.Thread(target=queue.put, args=("a", b"2"))
    giver.start()
    giver.join(0.1)

    assert giver.is_alive()
    queue.acknowledge()
    giver.join(5.0)
    assert not giver.is_alive()


def test_wait_empty_with_pending_messages_is_false_after_the_timeout():
    """Pending messages make the wait end with False."""
    queue = SendQueue(10)
    queue.put("a", b"1")

    assert not queue.wait_empty(0.01)


def test_wait_empty_after_acknowledgement_is_true():
    """Everything acknowledged is empty."""
    queue = SendQueue(10)
    queue.put("a", b"1")
    queue.take(1)
    queue.acknowledge()

    assert queue.wait_empty(0.0)


@pytest.mark.parametrize("call", ["put", "wait_empty"])
def test_close_with_pending_messages_raises_the_first_reason(call):
    """Whoever gives or waits is told why it is over, and the first reason stays."""
    queue = SendQueue(10)
    queue.put("a", b"1")
    queue.close(PublishError("first"))
    queue.close(PublishError("second"))

    with pytest.raises(PublishError, match="first"):
        queue.put("a", b"2") if call == "put" else queue.wait_empty(1.0)


def test_close_releases_a_giver_that_waits():
    """A held giver does not hang for ever when the queue is closed."""
    queue = SendQueue(1)
    queue.put("a", b"1")
    raised = []

    def give():
        try:
            queue.put("a", b"2")
        except PublishError as error:
            raised.append(str(error))

    giver = threading.Thread(target=give)
    giver.start()
    queue.close(PublishError("over"))
    giver.join(5.0)

    assert ["over"] == raised

"""One bad point costs one point, against servers that say as little as they may."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.history import HistoryUnavailableError
from collector.history.influx_replies import Kind, Reply
from collector.history.isolation import store_all_but_rejected

N = 5000


class Server:
    """Takes all but the bad lines; says only that something was bad, or how many, or which."""

    def __init__(self, bad, style="mute", max_lines=10**9):
        self.bad, self.style, self.max_lines = set(bad), style, max_lines
        self.stored, self.requests = set(), 0

    def post(self, lines):
        """Answer like 2.x (nothing of a bad batch is stored) or 1.x and 3.x (the rest is)."""
        self.requests += 1
        if len(lines) > self.max_lines:
            return Reply(Kind.TOO_LARGE)
        wrong = [i for i, line in enumerate(lines) if line in self.bad]
        if self.style != "mute" or not wrong:
            self.stored |= set(lines) - self.bad
        if not wrong:
            return Reply(Kind.STORED)
        if self.style == "names":
            return Reply(Kind.REFUSED, "bad", refused=dict.fromkeys(wrong[:100], "named"))
        return Reply(Kind.REFUSED, "bad", dropped=len(wrong) if self.style == "counts" else 0, measurement="m")


LINES = [f"m,s={i} value=1.0 {i}" for i in range(N)]
STYLES = ["mute", "counts", "names"]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("bad", [0, 1, 2499, 2500, 3333, N - 1])
def test_store_one_bad_of_5000_costs_one_point_and_few_requests(style, bad):
    """4,999 are stored, 1 is named, in at most 26 requests."""
    server = Server({LINES[bad]}, style)
    refused = store_all_but_rejected(LINES, server.post)

    assert ([bad], N - 1) == (list(refused), len(server.stored))
    assert server.requests <= 26


@given(st.sets(st.integers(0, 199)), st.sampled_from(STYLES), st.one_of(st.just(10**9), st.integers(1, 200)))
def test_store_any_bad_lines_stores_exactly_the_others(bad, style, max_lines):
    """Whatever is bad and however little the server says: nothing good is lost, nothing bad is kept."""
    lines = LINES[:200]
    server = Server({lines[i] for i in bad}, style, max_lines)
    refused = store_all_but_rejected(lines, server.post)

    assert (bad, set(lines) - server.bad) == (set(refused), server.stored)


def test_store_all_bad_and_counted_takes_one_request():
    """When the server counts as many refused as were sent, nobody is asked one by one."""
    server = Server(LINES, "counts")

    assert (N, 1) == (len(store_all_but_rejected(LINES, server.post)), server.requests)


def test_store_one_measurement_refused_is_taken_out_at_once():
    """A type conflict of one measurement among others costs a few requests, not one a point."""
    other = [f"n,s={i} value=1.0 {i}" for i in range(1000)]
    mixed = [line for pair in zip(LINES[:1000], other, strict=True) for line in pair]
    server = Server(LINES[:1000], "counts")
    refused = store_all_but_rejected(mixed, server.post)

    assert (1000, set(other)) == (len(refused), server.stored)
    assert server.requests <= 4


def test_store_nothing_asks_nothing():
    """No lines, no request."""
    server = Server([])

    assert ({}, 0) == (store_all_but_rejected([], server.post), server.requests)


def test_store_more_than_5_mb_is_split():
    """No request carries more than 5 MB."""
    lines = [f"m,s={'x' * 1000}{i} value=1.0 {i}" for i in range(12_000)]
    sizes = []

    def post(some):
        sizes.append(sum(len(line) + 1 for line in some))
        return Reply(Kind.STORED)

    store_all_but_rejected(lines, post)

    assert sum(len(line) + 1 for line in lines) == sum(sizes)
    assert max(sizes) <= 5_000_000


def test_store_unavailable_is_raised_with_its_patience():
    """An outage in the middle is the caller's to wait for."""
    with pytest.raises(HistoryUnavailableError, match="later") as caught:
        store_all_but_rejected(LINES, lambda _: Reply(Kind.UNAVAILABLE, "later", 9.0))

    assert 9.0 == caught.value.retry_after_s


def test_store_single_line_too_large_is_refused():
    """A line that alone is too large can never pass."""
    assert [0] == list(store_all_but_rejected(["m v=1 1"], Server([], max_lines=0).post))

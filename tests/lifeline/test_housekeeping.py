import pytest

from lifeline.housekeeping import Housekeeping

SECOND = 1_000_000_000


def _trimmed(desk, recorder, snapshot, retention_s):
    house = Housekeeping(
        desk.stores.journal,
        (lambda: recorder, lambda: snapshot),
        retention_s * SECOND,
        lambda: desk.now_ns + SECOND,
    )
    return house.trim()


@pytest.mark.parametrize(
    ("recorder", "snapshot", "retention_s", "expected"),
    [
        (10, 10, 0, 10),
        (3, 10, 0, 3),
        (10, 4, 0, 4),
        (10, 10, 10, 5),
        (10, 10, 3600, 0),
        (0, 10, 0, 0),
    ],
)
def test_trim_keeps_what_anybody_needs(desk, recorder, snapshot, retention_s, expected):
    """Nothing goes that the recorder has not stored, the rules would replay, or the retention still covers."""
    desk.feed(0.35, 10)
    assert expected == _trimmed(desk, recorder, snapshot, retention_s)

"""A snapshot that an older program wrote is read by this one, which goes on as the older one did.

Version 0.1.0 wrote `format_2.snapshot` before its classes and fields were renamed. It is over the whole district in the
middle of trouble. `format_2.jsonl` has the transitions of that program over the batches of `later`.
"""

import io
import random
from pathlib import Path

import numpy as np

from collector.batch import ReadingBatch
from rules.engine import RuleEngine
from tests.rules.laws import lines
from tests.rules.whole_district import World, engine, episode

FOLDER = Path(__file__).parent / "snapshots"
BLOB = (FOLDER / "format_2.snapshot").read_bytes()
POSITION, RECEIVED_S = 748, 1_728_778_188.0


def columns(blob: bytes) -> dict[str, np.ndarray]:
    """Return the columns of a snapshot by name."""
    with np.load(io.BytesIO(blob[4:]), allow_pickle=False) as archive:
        return dict(archive)


def restored() -> RuleEngine:
    """Return an engine that goes on from the older snapshot."""
    found = engine()
    found.restore(BLOB)
    return found


def later() -> list[ReadingBatch]:
    """Return the batches that both programs evaluate after the snapshot."""
    world = World(random.Random(9), RECEIVED_S + 1)  # noqa: S311 - the same stream every time
    moving = dict.fromkeys(["B.stress", "B.shake", "B.sway", "K.level", "L.d", "M.0", "M.1"], "bad")
    return [
        *episode(world, (1.0, 40), {"T.p": "worse", "A.ch4": "bad", "B.ch4": "bad", "K.valve": "bad"}),
        *episode(world, (1.0, 40), moving),
        *episode(world, (1.0, 40), {}),
        *episode(world, (3600.0, 26), {"W.q": "bad"}),
        *episode(world, (3600.0, 6), {}),
    ]


def test_older_snapshot_restores_every_column():
    """The names of columns are those of the file, and every value is as it was."""
    before, after = columns(BLOB), columns(restored().snapshot())

    assert set(before) == set(after)
    assert [] == [name for name, each in before.items() if not np.array_equal(each, after[name], equal_nan=_nan(each))]


def test_older_snapshot_goes_on_as_the_older_program_did():
    """Every transition after it is the same, byte by byte."""
    expected = (FOLDER / "format_2.jsonl").read_text(encoding="utf-8").splitlines()

    assert expected == lines(restored(), later(), first=POSITION + 1)


def _nan(column: np.ndarray) -> bool:
    return column.dtype.kind in "fc"

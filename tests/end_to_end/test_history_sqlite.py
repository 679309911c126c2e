"""The embedded history keeps acknowledged readings through kill -9."""

import random
import re
import subprocess
import sys

import pytest

from collector.history.sqlite import SqliteHistory

pytestmark = pytest.mark.end_to_end

SENSORS = [f"s{i}" for i in range(100)]
CHILD = """
import sys
from pathlib import Path
from collector.batch import make_batch
from collector.history.sqlite import SqliteHistory

SECOND = 1_000_000_000
history = SqliteHistory(Path(sys.argv[1]), [f"s{i}" for i in range(100)], 30)
start = int(sys.argv[2])
for i in range(start, start + 100_000):
    # 20 s a write: each third write folds a minute
    times = [i * 20 * SECOND + k for k in range(100)]
    history.write([make_batch(i * 20 * SECOND, range(100), times, [float(i)] * 100, [0] * 100)])
    print("ack", i, flush=True)
"""


def test_history_killed_at_random_points_keeps_every_acknowledged_write(tmp_path):
    """A kill -9 while writing and folding, five times over the same file, loses and doubles nothing."""
    path, acked = tmp_path / "history.db", -1
    chance = random.Random(3)  # noqa: S311 - chooses when to kill
    for _ in range(5):
        command = [sys.executable, "-c", CHILD, str(path), str(acked + 1)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            lines = [child.stdout.readline() for _ in range(chance.randrange(5, 200))]
            child.kill()
            lines += child.stdout.readlines()
        acked = max([acked, *(int(i) for line in lines for i in re.findall(r"^ack (\d+)$", line))])
    history = SqliteHistory(path, SENSORS, 30)
    values = history.read(7, 0, 2**62).value.tolist()
    history.close()

    assert acked > 20
    # One more write than was acknowledged may be on disk: the kill came between the two.
    assert [float(i) for i in range(acked + 1)] == values[: acked + 1]
    assert len(values) <= acked + 2

"""Random streams of batches for hypothesis: bursts, gaps, repeats, late, suspect, poisoned and unknown readings."""

import numpy as np
from hypothesis import strategies as st

from collector.batch import Quality, ReadingBatch, make_batch

HALF_NS = 500_000_000

_edges = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 3.5, 4.0]
values = st.sampled_from([*_edges, *np.nextafter(_edges, -9), *np.nextafter(_edges, 9)])
qualities = st.sampled_from([0, 0, 0, 0, *(int(flag) for flag in Quality)])
steps = st.sampled_from([0, 1, 1, 2, 2, 4, 4, 6, 9, 13, -1, -5, -30])
"""Between event times of consecutive readings, halves of a second."""
received_steps = st.sampled_from([0, 1, 2, 2, 2, 2, 3, 5, 8, 30, 7200, -3])
"""Between received times of consecutive batches, halves of a second; 0 is a split batch already."""


@st.composite
def messages(draw) -> list[tuple]:
    """Return the readings of one moment: one device's pressure and heartbeat in either order, or something else."""
    kind = draw(st.sampled_from(["device", "device", "device", "any", "online", "poison"]))
    step, quality = draw(steps), draw(qualities)
    if kind == "device":
        sensor = draw(st.sampled_from([0, 2]))
        pair = [(sensor, draw(values), quality), (sensor + 1, float(draw(st.integers(0, 3))), quality)]
        return [(step if i == 0 else 0, *row) for i, row in enumerate(draw(st.permutations(pair)))]
    if kind == "any":
        return [(step, draw(st.integers(0, 4)), draw(values), quality)]
    if kind == "online":
        return [(step, 5, float(draw(st.integers(0, 1))), quality)]
    return [(step, draw(st.integers(-1, 7)), draw(st.sampled_from([np.nan, np.inf, -np.inf, 1.0])), quality)]


@st.composite
def streams(draw, max_batches: int = 12) -> list[ReadingBatch]:
    """Return batches in order; event times wander around the received times."""
    received, time, batches = 2000, 2000, []
    for _ in range(draw(st.integers(1, max_batches))):
        received += draw(received_steps)
        rows = []
        for step, sensor, value, quality in (row for each in draw(st.lists(messages(), max_size=6)) for row in each):
            time += step
            rows.append((sensor, time * HALF_NS, value, quality))
        columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]
        batches.append(make_batch(received * HALF_NS, *columns))
    return batches

"""The runs of SKAB as recordings: a pump in a water loop, 34 runs of eight channels, one fault each.

Comes in: its folder. Goes out: a recording of each run, with a row each second. The first 400 rows are for learning, as
on its leaderboard. An event is a stretch of rows marked as anomaly; an alarm up to a minute behind it is not false.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.warning_quality.episodes import Alarm, Event, Matching, Score, covered, score
from benchmarks.warning_quality.replay import Recording, quantity, register_of, sensor
from benchmarks.warning_quality.skab_files import LEARNED_ROWS, SkabRun, read_skab
from benchmarks.warning_quality.skab_score import score_points
from config.time_units import SECOND_NS

MATCHING = Matching(merge_ns=0, grace_ns=60 * SECOND_NS)
RULES = ("pump", "pump_sigma")


def read(folder: Path) -> list[Recording]:
    """Return a recording of each run."""
    return [_recording(run) for run in read_skab(folder / "data")]


def _recording(run: SkabRun) -> Recording:
    channel = quantity("channel", -1000.0, 1000.0, 4)
    sensors = [sensor("PUMP", "LOOP", f"c{i}", channel, 1.0, 30.0) for i in range(run.value.shape[1])]
    edges = np.flatnonzero(np.diff(np.concatenate(([0], run.anomaly[LEARNED_ROWS:].astype(np.int8), [0]))))
    time_ns = run.time_ns[LEARNED_ROWS:]
    events = tuple(Event(int(time_ns[a]), int(time_ns[b - 1])) for a, b in edges.reshape(-1, 2))
    span_ns = int(time_ns[0]), int(time_ns[-1])
    register = register_of("water", sensors)
    return Recording(run.name, register, {"channel": channel}, run.time_ns, run.value, events, span_ns)


def own_score(said: Sequence[tuple[Recording, Sequence[Alarm]]]) -> str:
    """Return the score of points of the leaderboard, and false alarms an hour of normal time."""
    true = []
    told = []
    total = Score()
    anew = 0
    for recording, alarms in said:
        rows = recording.time_ns[LEARNED_ROWS:]
        true.append(covered(rows, [(each.begin_ns, each.end_ns) for each in recording.events]))
        told.append(covered(rows, [(each.begin_ns, each.end_ns) for each in alarms]))
        total = total.add(score(alarms, recording.events, recording.scored_ns, 1, MATCHING))
        anew += score(alarms, recording.events, recording.scored_ns, 1, Matching(onset=True)).found
    points = score_points(true, told)
    hourly = total.false_episodes / (total.normal_s / 3600)
    rates = f"F1 {points.f1:.2f}, FAR {points.far_percent:.1f}, MAR {points.mar_percent:.1f}"
    return f"{rates}, {hourly:.1f} false/h, raised in {anew} of {total.events} events"

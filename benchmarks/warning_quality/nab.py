"""The series of the Numenta Anomaly Benchmark as recordings of one sensor each: machines, traffic, clouds, tweets.

Comes in: its folder. Goes out: a recording of each file. Its own score counts the moments of announcements. Every other
file, in the order of their names, was for choosing settings.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.warning_quality.episodes import Alarm, Event, Matching
from benchmarks.warning_quality.nab_files import NabSeries, read_nab
from benchmarks.warning_quality.nab_score import Scored, corpus_of, probation, score_at
from benchmarks.warning_quality.replay import Recording, quantity, register_of, sensor

MATCHING = Matching()
RULES = ("series", "series_sigma")


def read(folder: Path) -> list[Recording]:
    """Return a recording of each file."""
    return [_recording(each) for each in read_nab(folder)]


def _recording(series: NabSeries) -> Recording:
    order = np.argsort(series.time_ns, kind="stable")
    time_ns = series.time_ns[order]
    reading = quantity("reading", -1e9, 1e9, 3)
    cadence_s = float(np.median(np.diff(time_ns))) / 1e9
    register = register_of("site", [sensor("S1", "D1", "x", reading, cadence_s, 86_400.0)])
    events = tuple(Event(int(series.time_ns[a]), int(series.time_ns[b])) for a, b in series.windows)
    span_ns = int(time_ns[probation(len(time_ns))]), int(time_ns[-1])
    value = series.value[order, None]
    return Recording(series.name, register, {"reading": reading}, time_ns, value, events, span_ns)


def own_score(said: Sequence[tuple[Recording, Sequence[Alarm]]]) -> str:
    """Return the standard and the low-FP score of all files, of those chosen on, and of those held back."""
    series = [_scored(*each) for each in said]
    return "; ".join(
        f"{name} {score_at(corpus, 0.5, 'standard'):.1f} / {score_at(corpus, 0.5, 'low_fp'):.1f}"
        for name, corpus in (
            ("all", corpus_of(series)),
            ("chosen on", corpus_of(series[::2])),
            ("held back", corpus_of(series[1::2])),
        )
    )


def _scored(recording: Recording, alarms: Sequence[Alarm]) -> Scored:
    rows = np.zeros(len(recording.time_ns))
    for alarm in alarms:
        level = 0
        for time_ns, now in alarm.steps:
            if now > level:
                rows[min(int(np.searchsorted(recording.time_ns, time_ns)), len(rows) - 1)] = 1.0
            level = now
    places = [
        tuple(int(np.searchsorted(recording.time_ns, t)) for t in (e.begin_ns, e.end_ns)) for e in recording.events
    ]
    return Scored(rows, [(begin, end) for begin, end in places])

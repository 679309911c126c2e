"""Recall and precision of the quality flags on real river sensors, beside ioos_qc's tests on the same files.

`python -m benchmarks.data_quality FOLDER` with the folder of the Logan River files of pyhydroqc (BSD-3-Clause;
`<site><year>.csv.gz`, six variables every 15 minutes, raw `<v>` and the technicians' `<v>_qual`). A flagged stretch is
an event; stretches at most an hour apart are one, because their windows of 30 minutes to each side touch. Flags become
episodes in the same way. An event is found, and an episode is right, when the two overlap within 30 minutes.

The settings were chosen on MainStreet2019 and FranklinBasin2020 alone; the other two files were scored once, after.
"""

import csv
import gzip
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Figure, machine, show
from collector.batch import INFORMATION, ReadingBatch, make_batch
from collector.check_state.check import SensorCheck
from collector.checks import CHECKS
from collector.checks.out_of_range import flag_range
from collector.passes import CostModel
from collector.quality import QualityChecks
from config.climatology import UsualRange
from config.quantities import Quantity
from config.register import Neighbour, Register, Sensor
from config.time_units import SECOND_NS

CHOSEN_ON = ("MainStreet2019", "FranklinBasin2020")
HELD_BACK = ("Mendon2019", "WaterLab2019")
RANGES = {
    "temp": (-2.0, 40.0),
    "cond": (10.0, 2000.0),
    "ph": (4.0, 12.0),
    "do": (2.0, 20.0),
    "turb": (-1.0, 1500.0),
    "stage": (-1.0, 300.0),
}
"""Range of a working sonde in a mountain river: degC, uS/cm, pH, mg/L, NTU, cm; assumed, before any score."""
_CADENCE_S = 900.0
_WINDOW_NS = 1800 * SECOND_NS
_QUARTER_DAYS = 96.0
_BATCH_ROWS = 200
_TOWN_SENSORS = 100_000
_OF_VALUES = {name: each for name, each in CHECKS.items() if isinstance(each, SensorCheck) or name == "climatology"}
"""The checks that cost most: those of a value against its sensor's past, its neighbours and its season."""
Flags = Mapping[str, NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Series:
    """One variable of one file."""

    name: str
    file: str
    variable: str
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    marked: NDArray[np.bool_]
    """A technician found it wrong."""


@dataclass(frozen=True, slots=True)
class Score:
    """The findings of a detector in some series."""

    events: int
    found: int
    episodes: int
    right: int
    sensor_days: float

    @property
    def recall(self) -> float:
        """Share of the events that were found."""
        return self.found / max(self.events, 1)

    @property
    def precision(self) -> float:
        """Share of the episodes that were right."""
        return self.right / max(self.episodes, 1)

    @property
    def false_per_sensor_day(self) -> float:
        """Wrong episodes in a day of one sensor."""
        return (self.episodes - self.right) / self.sensor_days


def measure(folder: Path) -> Iterator[Figure]:
    """Yield the figures of ours and of ioos_qc."""
    series = [each for file in (*CHOSEN_ON, *HELD_BACK) for each in _read(folder / f"{file}.csv.gz")]
    yield from measure_speed()
    yield from _figures("ours", our_flags(series), series)
    for name, flags in peers(series):
        yield from _figures(name, flags, series)


def _figures(name: str, flags: Flags, series: Sequence[Series]) -> Iterator[Figure]:
    parts = {"chosen_on": CHOSEN_ON, "held_back": HELD_BACK, "all": (*CHOSEN_ON, *HELD_BACK)}
    for part, files in parts.items():
        got = score([each for each in series if each.file in files], flags)
        place = f"data_quality.{name}.{part}"
        yield Figure(f"{place}.recall", got.recall, f"of {got.events} events", ">= 0.70")
        yield Figure(f"{place}.precision", got.precision, f"of {got.episodes} episodes", ">= 0.50")
        yield Figure(f"{place}.false_flags", got.false_per_sensor_day, "1/sensor-day", "<= 0.03")


def _read(path: Path) -> Iterator[Series]:
    with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    stamps = [datetime.fromisoformat(row["datetime"]).replace(tzinfo=UTC).timestamp() for row in rows]
    time_ns = np.round(np.array(stamps)).astype(np.int64) * SECOND_NS
    stem = path.name.removesuffix(".csv.gz")
    for variable in RANGES:
        value = np.array([_number(row[variable]) for row in rows])
        marked = np.array([row[f"{variable}_qual"] not in {"NULL", ""} for row in rows])
        there = np.isfinite(value)
        yield Series(f"{stem}.{variable}", stem, variable, time_ns[there], value[there], marked[there])


def _number(text: str) -> float:
    return float(text) if text not in {"NULL", ""} else np.nan


def our_flags(series: Sequence[Series]) -> Flags:
    """Return the flags of the intake when all series arrive side by side, in batches."""
    quantities = {name: _quantity(name, low, high) for name, (low, high) in RANGES.items()}
    sensors = [_sensor(each) for each in series]
    checks = QualityChecks(Register({}, {}, sensors, {}, [], neighbours=_beside(series)), quantities)
    column = np.concatenate([np.full(len(each.value), i) for i, each in enumerate(series)])
    time_ns, value = (
        np.concatenate([each.time_ns for each in series]),
        np.concatenate([each.value for each in series]),
    )
    low = np.array([RANGES[each.variable][0] for each in series])[column]
    high = np.array([RANGES[each.variable][1] for each in series])[column]
    quality = flag_range(value, low, high)
    order = np.argsort(time_ns, kind="stable")
    for rows in np.array_split(order, len(order) // _BATCH_ROWS):
        batch = make_batch(int(time_ns[rows[-1]]), column[rows], time_ns[rows], value[rows], quality[rows])
        quality[rows] = checks.compare(batch).quality
    doubt = (quality & ~np.uint16(INFORMATION)) != 0
    return {each.name: doubt[column == i] for i, each in enumerate(series)}


def _beside(series: Sequence[Series]) -> dict[str, list[Neighbour]]:
    """Return the sites of the same river in the same year as neighbours; how far apart they are changes nothing."""
    files = sorted({each.file for each in series})
    return {
        one: [Neighbour(other, 1000.0) for other in files if other != one and other[-4:] == one[-4:]] for one in files
    }


def _quantity(name: str, low: float, high: float) -> Quantity:
    return Quantity(name, name, name, "", low, high, np.inf, 2, {}, "assumed")


def _sensor(each: Series) -> Sensor:
    return Sensor(
        id=each.name,
        asset=each.file,
        device=each.file,
        channel=each.variable,
        quantity=each.variable,
        scale=1.0,
        offset=0.0,
        cadence_s=_CADENCE_S,
        stale_after_s=3 * _CADENCE_S,
        heartbeat="",
    )


def score(series: Sequence[Series], flags: Flags) -> Score:
    """Return events and episodes of all `series` together."""
    events = found = episodes = right = 0
    days = 0.0
    for each in series:
        true = stretches(each.time_ns, each.marked)
        said = stretches(each.time_ns, flags[each.name])
        events, episodes = events + len(true), episodes + len(said)
        found, right = found + _overlapping(true, said), right + _overlapping(said, true)
        days += len(each.value) / _QUARTER_DAYS
    return Score(events, found, episodes, right, days)


def stretches(time_ns: NDArray[np.int64], marked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return int64[m, 2]: begin and end of stretches of `marked`, bool[n], with windows that do not touch."""
    at = time_ns[marked]
    if len(at) == 0:
        return np.zeros((0, 2), np.int64)
    cut = np.flatnonzero(np.diff(at) > 2 * _WINDOW_NS)
    return np.stack([at[np.concatenate(([0], cut + 1))], at[np.concatenate((cut, [len(at) - 1]))]], axis=1)


def _overlapping(these: NDArray[np.int64], those: NDArray[np.int64]) -> int:
    """Return how many of `these` lie within a window of one of `those`."""
    begins = these[:, None, 0] <= those[None, :, 1] + _WINDOW_NS
    ends = these[:, None, 1] >= those[None, :, 0] - _WINDOW_NS
    return int((begins & ends).any(axis=1).sum())


def peers(series: Sequence[Series]) -> Iterator[tuple[str, Flags]]:
    """Yield ioos_qc's tests, alone and together, or nothing where it is not installed.

    They take numbers that the user must give for each variable. The ranges are ours. The largest change is the one that
    the variable exceeds once in so many readings of the files for choosing. The share with the best F1 there is taken.
    """
    try:
        from ioos_qc import qartod  # noqa: PLC0415 - an optional extra
    except ImportError:
        print("# ioos_qc is not installed: pip install 'lifeline[bench]'", flush=True)
        return
    found = {
        "gross_range": _run(series, lambda each, _: qartod.gross_range_test(each.value, RANGES[each.variable]), 0.0),
        "flat_line": _run(
            series, lambda each, _: qartod.flat_line_test(each.value, _when(each), 6 * 3600, 12 * 3600, 1e-6), 0.0
        ),
        "spike": _best(series, lambda each, jump: qartod.spike_test(each.value, jump, 10 * jump)),
        "rate_of_change": _best(
            series, lambda each, jump: qartod.rate_of_change_test(each.value, _when(each), jump / _CADENCE_S)
        ),
    }
    yield from ((f"ioos_qc_{test}", flags) for test, flags in found.items())
    without_flat = [found[test] for test in found if test != "flat_line"]
    for title, parts in (("range_spike_rate", without_flat), ("all_four", list(found.values()))):
        yield f"ioos_qc_{title}", {each.name: np.any([part[each.name] for part in parts], axis=0) for each in series}


_Test = Callable[[Series, float], NDArray[np.uint8]]


def _run(series: Sequence[Series], test: _Test, share: float) -> Flags:
    """Return suspect and fail, which are 3 and 4; missing is 9."""
    jump = {name: _usual_jump(series, name, share) for name in RANGES}
    return {each.name: np.isin(np.ma.getdata(test(each, jump[each.variable])), (3, 4)) for each in series}


def _best(series: Sequence[Series], test: _Test) -> Flags:
    def f1(flags: Flags) -> float:
        got = score([each for each in series if each.file in CHOSEN_ON], flags)
        return 2 * got.recall * got.precision / max(got.recall + got.precision, 1e-9)

    return max((_run(series, test, share) for share in (0.99, 0.998, 0.999, 0.9995, 0.9998)), key=f1)


def _when(each: Series) -> NDArray[np.datetime64]:
    return each.time_ns.astype("datetime64[ns]")


def _usual_jump(series: Sequence[Series], variable: str, share: float) -> float:
    low, high = RANGES[variable]
    values = [each.value for each in series if each.variable == variable and each.file in CHOSEN_ON]
    within = [value[(value >= low) & (value <= high)] for value in values]
    return float(np.quantile(np.concatenate([np.abs(np.diff(value)) for value in within]), share))


def measure_speed() -> Iterator[Figure]:
    """Yield the cost of the checks a reading, 5,000 in a batch, and the gain over columns alone."""
    register, quantities = _town()
    yield from _cost_of_readings(QualityChecks(register, quantities, checks=_OF_VALUES))
    yield from _gain_of_plain_numbers(register, quantities)


def _town() -> tuple[Register, dict[str, Quantity]]:
    """Return a register in which every check has something to do."""
    sensors = [Sensor(f"S{i}", f"A{i}", f"D{i}", "temp", "temp", 1.0, 0.0, 2.0, 6.0, "") for i in range(_TOWN_SENSORS)]
    usual = UsualRange("temp", "", tuple(range(1, 13)), tuple(range(24)), -5.0, 40.0, "assumed")
    line = {f"A{i}": [Neighbour(f"A{i + j}", 10.0) for j in (-2, -1, 1, 2)] for i in range(_TOWN_SENSORS)}
    register = Register({}, {}, sensors, {}, [], neighbours=line, usual_ranges=[usual])
    return register, {"temp": _quantity("temp", *RANGES["temp"])}


def _batches(n: int, n_sending: int, n_batches: int, first_ns: int = 0) -> Iterator[ReadingBatch]:
    """Yield batches of `n` readings of `n_sending` sensors, each batch 10 s after the one before."""
    rng = np.random.default_rng(n + n_sending)
    for i in range(n_batches):
        now_ns = first_ns + i * 10_000_000_000
        sensor = np.repeat(rng.permutation(_TOWN_SENSORS)[:n_sending], n // n_sending)
        time_ns = now_ns + np.arange(n) * 1_000_000
        yield make_batch(now_ns, sensor, time_ns, 10 + rng.standard_normal(n), np.zeros(n))


def _cost_of_readings(checks: QualityChecks) -> Iterator[Figure]:
    """Yield microseconds a reading, from 5,000 of 100,000 sensors to the back-log of one."""
    n, first_ns = 5_000, 0
    for n_sending in (n, 1000, 100, 10, 1):
        batches = list(_batches(n, n_sending, 60 if n_sending == n else 20, first_ns))
        first_ns += len(batches) * 10_000_000_000
        begin = time.process_time()
        for batch in batches:
            checks.check(batch)
        took_us = (time.process_time() - begin) * 1e6
        target = "< 0.5" if n_sending == n else ""
        name = f"data_quality.checks_per_reading_of_{n_sending}_sensors"
        yield Figure(name, took_us / (len(batches) * n), "us", target)


def _gain_of_plain_numbers(register: Register, quantities: Mapping[str, Quantity]) -> Iterator[Figure]:
    """Yield how many times longer columns alone take, from a batch of one reading to the back-log of one sensor.

    Both ways run on the same batches, one behind the other; the figure is the ratio of the medians.
    """
    ways = [
        QualityChecks(register, quantities, costs=costs, checks=_OF_VALUES) for costs in (None, CostModel(pass_us=0.0))
    ]
    first_ns = 0
    for n, n_sending in ((1, 1), (25, 25), (500, 500), (5_000, 5_000), (25, 1), (500, 1), (5_000, 1)):
        batches = list(_batches(n, n_sending, 60 if n == n_sending else 6, first_ns))
        first_ns += len(batches) * 10_000_000_000
        took = np.array([[_time(way, batch) for way in ways] for batch in batches])
        both, columns = np.median(took, axis=0)
        yield Figure(f"data_quality.columns_alone_{n}_of_{n_sending}_sensors", columns / both, "times")


def _time(checks: QualityChecks, batch: ReadingBatch) -> float:
    """Return the CPU seconds of one batch."""
    begin = time.process_time()
    checks.check(batch)
    return time.process_time() - begin


def main() -> None:
    """Run on the folder that the command line names."""
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit("usage: python -m benchmarks.data_quality FOLDER (the Logan River files of pyhydroqc)")
    print(f"# {machine()}")
    for figure in measure(Path(sys.argv[1])):
        show(figure)


if __name__ == "__main__":
    main()

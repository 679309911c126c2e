"""Every quality check of the table keeps the contract; a new file in the table is tested without a new test."""

import doctest
import importlib
import re
from collections import Counter
from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.batch import Quality, ReadingBatch, make_batch
from collector.check_state.check import BatchCheck, SensorCheck
from collector.check_state.limits import CheckLimits
from collector.check_state.memory import SensorStates
from collector.checks import CHECKS
from collector.passes import CostModel
from collector.quality import QualityChecks
from config.climatology import UsualRange
from config.quantities import Quantity
from config.register import Neighbour, Register, Sensor

S = 1_000_000_000
NOW_NS = 1_750_000_000 * S
PAGE = Path("docs/quality.md").read_text(encoding="utf-8")
FOLDER = Path("collector/checks")
OF_MACHINERY = Quality.UNCHECKED
"""The one bit that the runner of the checks sets by itself."""
OF_DEVICES = Quality.DEVICE_SUSPECT | Quality.HISTORICAL
"""The bits that decoders set."""
QUICK = CheckLimits(
    learn_readings=5,
    flat_readings=3,
    rest_readings=6,
    flat_changes=4,
    recent_readings=8.0,
    usual_readings=50.0,
    neighbour_learn=10,
    quiet_hold_ns=4 * S,
)
"""Learns within a test; the kinds of numbers are the same."""
COLUMNS = CostModel(pass_us=0.0, run_us=1.0, reading_us=1.0)
RUNS = CostModel(pass_us=1e9, run_us=0.0, reading_us=0.0)

names = pytest.mark.parametrize("name", CHECKS)


def checks_of(*wanted: str, costs: CostModel | None = None, counts: Counter | None = None) -> QualityChecks:
    """Return the named checks alone, over four neighbours with a usual range."""
    sensors = [Sensor(f"S{i}", f"A{i}", f"D{i}", "x", "level", 1.0, 0.0, 2.0, 6.0, "") for i in range(4)]
    beside = {one.asset: [Neighbour(other.asset, 9.0) for other in sensors if other is not one] for one in sensors}
    usual = UsualRange("level", "", tuple(range(1, 13)), tuple(range(24)), 1.0, 9.0, "test")
    register = Register({}, {}, sensors, {}, [], neighbours=beside, usual_ranges=[usual])
    quantities = {"level": Quantity("level", "水位", "level", "m", 0.0, 10.0, 0.5, 2, {}, "test")}
    chosen = {name: CHECKS[name] for name in wanted}
    return QualityChecks(register, quantities, QUICK, costs, counts=counts, checks=chosen)


def bits_of(name: str) -> int:
    """Return the bits that a check may set."""
    check = CHECKS[name]
    return int(check.bits if isinstance(check, BatchCheck) else check.bit)


readings = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from([-(2**63), 0, NOW_NS - 2000 * S, NOW_NS - S, NOW_NS, NOW_NS, NOW_NS + S, NOW_NS + 1000 * S]),
        st.sampled_from([0.0, 4.99, 5.0, 5.0, 5.02, 8.0, 9.5, -3.0, 11.0]),
        st.sampled_from([0, 0, 0, int(Quality.DEVICE_SUSPECT), int(Quality.HISTORICAL)]),
    ),
    max_size=30,
)


def batch_of(rows, received_ns: int = NOW_NS) -> ReadingBatch:
    """Return a batch of (sensor, time, value, quality)."""
    return make_batch(received_ns, *([row[i] for row in rows] for i in range(4)))


@names
@given(readings)
def test_check_any_batch_keeps_its_shape_and_sets_only_its_bits(name, rows):
    """Sensors and values are untouched, no bit disappears, and no bit of another check appears."""
    batch = batch_of(rows)
    got = checks_of(name).check(batch)

    assert (np.uint16, np.int64) == (got.quality.dtype, got.time_ns.dtype)
    assert batch.sensor.tolist() == got.sensor.tolist()
    assert batch.value.tolist() == got.value.tolist()
    assert (batch.quality & got.quality).tolist() == batch.quality.tolist()
    assert 0 == int(np.bitwise_or.reduce(got.quality & ~batch.quality, initial=0)) & ~bits_of(name)


@names
def test_check_empty_batch_gives_an_empty_batch(name):
    """A tick of the clock passes every check."""
    got = checks_of(name).check(make_batch(NOW_NS, [], [], [], []))

    assert (0, NOW_NS) == (len(got), got.received_ns)


@names
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_check_values_that_are_not_finite_never_raise(name, value):
    """The pipeline leaves them out before the checks; a check that meets one still gives one answer a reading."""
    checks = checks_of(name)
    for costs in (COLUMNS, RUNS):
        checks = checks_of(name, costs=costs)
        for i, each in enumerate([5.0, value, 5.0]):
            got = checks.check(make_batch(NOW_NS + i * S, [0, 1], [NOW_NS + i * S] * 2, [each, each], [0, 0]))

            assert 2 == len(got.quality)


@names
@settings(max_examples=30)
@given(st.lists(readings, max_size=6), st.lists(st.integers(0, 30), max_size=3), st.integers(0, 6))
def test_check_batches_cut_and_restarted_anywhere_give_the_same(name, stream, cuts, restart):
    """Bits and times depend on the readings and their received times, not on batches or a restart between them."""
    whole, parted = checks_of(name), checks_of(name)
    for i, rows in enumerate(stream):
        batch = batch_of(rows, NOW_NS + i * 2 * S)
        if i == restart and isinstance(CHECKS[name], SensorCheck):
            state, parted = parted.memory.snapshot(), checks_of(name)
            parted.memory.restore(state)
        edges = [0, *sorted(min(cut, len(batch)) for cut in cuts), len(batch)]
        parts = [parted.check(batch.take(slice(a, b))) for a, b in pairwise(edges)]
        got = whole.check(batch)

        assert got.quality.tolist() == [bit for part in parts for bit in part.quality.tolist()]
        if name != "device_time":  # its stand-in times count the readings of a batch, and nothing depends on them
            assert got.time_ns.tolist() == [each for part in parts for each in part.time_ns.tolist()]
    assert whole.memory.snapshot() == parted.memory.snapshot()


@settings(max_examples=50)
@given(st.lists(readings, max_size=8), st.integers(0, 2**32 - 1))
def test_checks_as_columns_and_as_plain_numbers_agree_to_the_last_digit(stream, seed):
    """One formula serves both; bits and state are equal."""
    columns, runs = checks_of(*CHECKS, costs=COLUMNS), checks_of(*CHECKS, costs=RUNS)
    noise = np.random.default_rng(seed)
    for i, rows in enumerate(stream):
        batch = batch_of(rows, NOW_NS + i * 2 * S)
        batch = batch_of(
            list(
                zip(
                    batch.sensor.tolist(),
                    batch.time_ns.tolist(),
                    (batch.value + noise.normal(0.0, 0.2, len(batch))).tolist(),
                    batch.quality.tolist(),
                    strict=True,
                )
            ),
            batch.received_ns,
        )

        assert columns.check(batch).quality.tolist() == runs.check(batch).quality.tolist()
    assert columns.memory.snapshot() == runs.memory.snapshot()


@names
def test_check_example_of_the_file_runs(name):
    """The example in the docstring prints what it says."""
    module = importlib.import_module(f"collector.checks.{name}")
    found = doctest.testmod(module)

    assert 0 == found.failed
    assert found.attempted > 0


@names
def test_check_has_a_source_and_a_heading(name):
    """The page of data quality has a section for the check, and the file names its source."""
    text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")

    assert CHECKS[name].source
    assert "\nSource: " in text
    assert re.search(rf"^### {name}$", PAGE, re.MULTILINE)


def test_table_names_every_file_of_the_folder():
    """A file that no line of the table names would never run."""
    assert sorted(CHECKS) == sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")


def test_table_sets_every_bit_once():
    """Each bit has one check, or belongs to the decoders or the runner."""
    counted = Counter(bit for name in CHECKS for bit in Quality if bit and bits_of(name) & bit)

    assert {1} == set(counted.values())
    assert set(Quality) - {Quality.GOOD} == set(counted) | set(OF_DEVICES) | set(OF_MACHINERY)


def test_table_keeps_the_sensor_checks_together():
    """They run reading by reading, one behind the other, so that no batch check may stand between two of them."""
    is_of_sensor = [isinstance(check, SensorCheck) for check in CHECKS.values()]

    assert 2 == sum(one != other for one, other in pairwise(is_of_sensor))


def test_columns_of_the_state_have_one_writer():
    """Two checks never write the same column; the runner writes the rest."""
    written = Counter(column for each in CHECKS.values() if isinstance(each, SensorCheck) for column in each.columns)

    assert {1} == set(written.values())
    assert {"time_ns", "stands_in", "last", "flags", "count"} == {each.name for each in fields(SensorStates)} - set(
        written
    )

import itertools
import re
from pathlib import Path

import pytest

from config.errors import ConfigError
from config.levels import WarningLevel
from simulators.district import District
from simulators.scenarios import SCENARIOS, make_scenario, whole_script
from simulators.truth import TruthKind

SECOND = 10**9
START = 1_790_000_000 * SECOND
DOCS = Path(__file__).parents[2] / "docs" / "simulators.md"


@pytest.fixture
def values_of(register):
    """Return what a scenario makes of one channel: (seconds since its start, payload value)."""

    def send(name, device, channel, **options):
        scenario = make_scenario(name, register, START, **options)
        district = District(register, {}, 3).with_scenarios(scenario)
        until_ns = scenario.span.end_ns + 30 * SECOND
        return [
            ((m.measured_ns - START) / 1e9, m.values[channel])
            for m in district.between(START - 20 * SECOND, until_ns)
            if m.device == device
        ]

    return send


def test_zero_pressure_holds_zero_until_the_end_then_returns(values_of):
    """A second after the start the live terminal reads at most 0.002 MPa; 5 s after the end pressure is back."""
    values = values_of("zero_pressure", "FT-0001", "pressure_kpa", duration_s=40.0)

    assert all(value <= 2.0 for t, value in values if 1.0 <= t < 40.0)
    assert all(value > 200.0 for t, value in values if t < 0.0 or t > 45.0)


def test_zero_pressure_live_terminal_trembles(values_of):
    """An empty pipe read by a live instrument is not the flat zero of a dead one."""
    values = values_of("zero_pressure", "FT-0001", "pressure_kpa", duration_s=40.0)

    assert len({value for t, value in values if 1.0 <= t < 40.0}) > 10


def test_slow_loss_decays_slower_and_slower_to_zero(values_of):
    """A leak passes every pressure on its way, most slowly the lowest, and is below 0.02 MPa for the last quarter."""
    values = [v for t, v in values_of("slow_loss", "FT-0002", "pressure_kpa", duration_s=300.0) if 0.0 <= t < 300.0]

    spent = [sum(low < value <= high for value in values) for low, high in [(100, 1000), (70, 100), (20, 70)]]
    assert spent[2] * 2.0 >= 60.0
    assert spent[1] > 5
    assert max(values[-35:]) <= 20.0


@pytest.mark.parametrize(("variant", "low", "high"), [("leak", 20.0, 50.0), ("burst", 50.0, 100.0)])
def test_gas_leak_top_lies_on_the_step_of_its_truth(values_of, variant, low, high):
    """The plateau of a leak is between orange and red, that of a burst above red."""
    values = values_of("gas_leak", "GM-0001", "methane_lel", variant=variant, duration_s=100.0)

    assert low < min(v for t, v in values if 31.0 < t < 99.0)
    assert high > max(v for t, v in values)


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario_truth_names_sensors_of_its_devices(register, name):
    """Each truth is about a registered sensor of a device that the scenario changes, and carries its span."""
    scenario = make_scenario(name, register, START, duration_s=30.0)
    devices = {device for effect in scenario.effects for device in effect.devices}

    assert scenario.truth()
    for truth in scenario.truth():
        assert register.sensors[register.sensor_index[truth.sensor]].device in devices
        assert (START, START + 30 * SECOND) == (truth.start_ns, truth.end_ns)


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario_truth_has_a_level_only_for_hazards(register, name):
    """A fault expects no warning level; every hazard of the table is orange or red."""
    for truth in make_scenario(name, register, START).truth():
        expected = {None} if truth.kind is TruthKind.FAULT else {WarningLevel.ORANGE, WarningLevel.RED}

        assert truth.expected_level in expected


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario_before_its_start_changes_nothing(register, name):
    """Until the start the district sends what it would have sent anyway."""
    district = District(register, {}, 3)
    changed = district.with_scenarios(make_scenario(name, register, START, duration_s=30.0))

    assert district.between(START - 30 * SECOND, START - 1) == changed.between(START - 30 * SECOND, START - 1)


def test_whole_script_plays_one_after_the_other(register):
    """Scenarios of the script do not overlap, so that each can be judged alone."""
    spans = [scenario.span for scenario in whole_script(register, START)]

    assert all(before.end_ns < after.start_ns for before, after in itertools.pairwise(spans))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("earthquake", {}, "scenario: expected one of zero_pressure, .*, got earthquake"),
        ("gas_leak", {"asset": "T-0001"}, "gas_leak.asset: expected an asset with such sensors, got T-0001"),
        ("gas_leak", {"asset": "X"}, "gas_leak.asset: expected one of .*, got X"),
        ("gas_leak", {"variant": "flat"}, "gas_leak.variant: expected one of leak, burst, got flat"),
    ],
)
def test_make_scenario_wrong_request_is_a_config_error(register, name, options, message):
    """A wrong name, asset or variant is answered with what would be right."""
    with pytest.raises(ConfigError, match=message):
        make_scenario(name, register, START, **options)


def _documented():
    rows = re.findall(
        r"^\| `(\w+)` \| `(\w+)` \| (\S+) \| (\d+) \| (\d+) \| (\w+) \| (\S+) \|", DOCS.read_text(), re.MULTILINE
    )
    return {
        (name, variant): (asset, int(start), int(lasts), kind, level)
        for name, variant, asset, start, lasts, kind, level in rows
    }


def test_docs_scenario_table_equals_the_code():
    """docs/simulators.md lists every scenario and variant with its asset, times and truth."""
    coded = {
        (name, variant): (
            recipe.asset,
            recipe.start_s,
            recipe.duration_s,
            recipe.kind,
            "–" if level is None else level.key,
        )
        for name, recipe in SCENARIOS.items()
        for variant, level in recipe.levels.items()
    }

    assert coded == _documented()

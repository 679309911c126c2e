"""Limits as a share of the design value of a sensor's asset."""

import contextlib
import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from config.errors import ConfigError
from config.loading import load_quantities
from config.quantities import Quantity
from config.register import Asset, Register, Sensor
from rules.engine import RuleEngine
from rules.kinds.threshold import ThresholdOptions
from rules.loading.loading import load_rules
from rules.rule import RuleSet
from tests.rules.small_district import PLAIN, SECOND_NS, batch, register, threshold


def play_design(design, values, **options):
    """Return (time, value) of a rule relative to a design value over `values`, one a second."""
    sensors = list(register().sensors)
    sensors[PLAIN] = dataclasses.replace(sensors[PLAIN], design=design)
    rule = threshold("rule", [PLAIN], relative_to="design", **options)
    engine = RuleEngine(RuleSet((rule,), "1"), dataclasses.replace(register(), sensors=sensors))
    events = engine.evaluate(batch(0, [(PLAIN, *each) for each in enumerate(values)]), 1)
    return list(zip((events.time_ns / SECOND_NS).tolist(), events.value.tolist(), strict=True))


@pytest.mark.parametrize("design", [2.0, -2.0])
def test_threshold_relative_to_design_judges_percent_of_it(design):
    """80 % of the design value raises, 75 % does not yet clear; a negative design value mirrors."""
    told = play_design(design, [0.79 * design, 0.8 * design, 0.75 * design, 0.5 * design], **OF_DESIGN)

    assert [(1.0, 80.0), (3.0, 50.0)] == told


OF_DESIGN = {"side": "high", "levels": [("yellow", 80.0, 5.0, 0, 0)]}


@pytest.mark.parametrize(
    ("design", "path"),
    [(None, ("relative_to",)), (2.0, None), (3.0, ("levels", 0, "limit"))],
    ids=["none", "reachable", "out of reach"],
)
def test_threshold_relative_to_design_says_which_sensor_cannot_be_judged(design, path):
    """It needs a design value everywhere, and a limit that its instrument can show."""
    options = ThresholdOptions.model_validate(
        {"side": "high", "relative_to": "design", "levels": [threshold_level("yellow", 80, 5)]}
    )
    pressure = Quantity("p", "p", "p", "MPa", 0.0, 2.0, np.inf, 2, {}, "assumed")
    sensor = dataclasses.replace(register().sensors[PLAIN], design=design)

    assert [path] * (path is not None) == [fault.path for fault in options.faults(pressure, [sensor])]


def threshold_level(level, limit, deadband):
    """Return a level as it is written."""
    return {"level": level, "limit": limit, "deadband": deadband, "on_delay_s": 0, "source": "assumed"}


def test_threshold_relative_to_design_is_told_in_percent():
    """People read the share and not the value."""
    options = ThresholdOptions.model_validate(
        {"side": "high", "relative_to": "design", "levels": [threshold_level("yellow", 80, 5)]}
    )
    pressure = Quantity("p", "压力", "pressure", "MPa", 0.0, 2.0, np.inf, 2, {}, "assumed")

    assert ("压力占设计值比例", "%") == (options.judged_quantity(pressure).zh, options.judged_quantity(pressure).unit)


@pytest.mark.parametrize(("design", "is_fine"), [(200.0, True), (None, False)])
def test_page_example_of_design_values_loads_where_every_sensor_has_one(tmp_path, design, is_fine):
    """The rule of the page is refused with the name of the sensor that lacks a design value."""
    page = (Path(__file__).parents[3] / "docs/rules/threshold.md").read_text(encoding="utf-8")
    (tmp_path / "rules.yaml").write_text(re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1], encoding="utf-8")
    bridge = Asset("B", "bridge", "bridge", "B", "B", "R", 0.0, 0.0)
    middle = Sensor("B.d", "B", "D", "d", "displacement", 1.0, 0.0, 1.0, 10.0, "", design=design)
    register = Register({}, {"B": bridge}, [middle], {}, [])
    refused = contextlib.nullcontext() if is_fine else pytest.raises(ConfigError, match=r"none for B\.d")

    with refused:
        assert 1 == len(load_rules(tmp_path, register, load_quantities()).rules)

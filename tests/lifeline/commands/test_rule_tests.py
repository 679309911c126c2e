"""Tests of rules in YAML: readings, expected transitions, and the report of a difference."""

import pytest
from pydantic import ValidationError

from config.errors import ConfigError
from lifeline.commands.rule_tests import load_suite
from rules.loading.test_file import RuleTestFile, expand_values, span_ns
from rules.testing.runner import time_text

RULES = """\
rules:
  - id: tower.low
    kind: threshold
    quantity: fire_water_pressure
    title: {zh: 低压, en: low}
    advice: {zh: 检查, en: check}
    side: low
    levels:
      - {level: orange, limit: 0.02, deadband: 0.02, on_delay_s: 10, off_delay_s: 10, source: assumed}
  - id: tower.silent
    kind: stale
    title: {zh: 失联, en: silent}
    advice: {zh: 检查, en: check}
sensors:
  - {id: T.p, quantity: fire_water_pressure, cadence_s: 2}
tests:
  - name: the pressure is lost
    series:
      T.p: {every: 2s, values: 0.3x4 0x10 0.3x9}
    expect:
"""
RAISED = "      - {at: 20s, alarm: tower.low/T.p, level: orange}\n"
CLEARED = "      - {at: 42s, alarm: tower.low/T.p, level: none}\n"


def suite(tmp_path, text):
    """Return the tests that `text` is."""
    path = tmp_path / "test.yaml"
    path.write_text(text, encoding="utf-8")
    return load_suite(path)


def outcome(tmp_path, text):
    """Return the outcome of the first test of `text`."""
    return suite(tmp_path, text).outcome(0)


def marks(tmp_path, text):
    """Return the marks of all lines, as one word."""
    return "".join(line.mark for line in outcome(tmp_path, text).lines)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1", (1.0,)),
        ("1x2", (1.0, 1.0, 1.0)),
        ("0.30-0.01x3", (0.3, 0.29, 0.28, 0.27)),
        ("-2+4x3", (-2.0, 2.0, 6.0, 10.0)),
        ("1 _ 2", (1.0, None, 2.0)),
        ("_x3", (None, None, None)),
        ("(1 2x1)x2", (1.0, 2.0, 2.0, 1.0, 2.0, 2.0)),
        ("1e3", (1000.0,)),
        (7, (7.0,)),
        ([1, None, 2.5], (1.0, None, 2.5)),
        ("", ()),
    ],
)
def test_expanded_values_are_those_of_promtool(written, expected):
    """A run of N is N more values; a gap of N is N readings; a group is as often as it says."""
    assert expected == expand_values(written)


@pytest.mark.parametrize(
    "written", ["a", "1x", "1+x3", "1x999999999", "(1 2)x150000", "_x200001", "((1)x2)x2", "(1 2", [True], ["1"], [[1]]]
)
def test_expanded_nonsense_is_refused(written):
    """A wrong value, or too many values, is reported before memory grows."""
    series = {"every": "1s", "values": written}
    with pytest.raises(ValidationError):
        RuleTestFile.model_validate({"tests": [{"name": "x", "series": {"s": series}, "expect": []}]})


@pytest.mark.parametrize(
    ("written", "expected_s"), [("90s", 90), ("1h30m", 5400), ("2.5s", 2.5), ("250ms", 0.25), ("1w", 604_800), (0, 0)]
)
def test_span_is_its_nanoseconds(written, expected_s):
    """Units are written, and fractions are exact."""
    assert expected_s * 1_000_000_000 == span_ns(written)


@pytest.mark.parametrize("written", [5, "5", "1h 30m", "-5s", "401d", True, "s", ["5s"]])
def test_span_without_a_unit_is_refused(written):
    """A bare number could be seconds or minutes."""
    test = {"name": "x", "until": written, "expect": []}
    with pytest.raises(ValidationError):
        RuleTestFile.model_validate({"tests": [test]})


@pytest.mark.parametrize(("time_s", "expected"), [(0, "0s"), (90, "1m30s"), (3600, "1h"), (90061.5, "1d1h1m1.5s")])
def test_time_text_reads_as_it_is_written(time_s, expected):
    """A time in a difference can be copied into the test."""
    assert expected == time_text(round(time_s * 1_000_000_000))


def test_run_that_happens_as_expected_passes(tmp_path):
    """Every transition at its time and level, and nothing else."""
    assert outcome(tmp_path, RULES + RAISED + CLEARED).is_passed


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        (RAISED, " +"),
        (RAISED + CLEARED.replace("42s", "40s"), " -+"),
        (RAISED.replace("orange", "red") + CLEARED, "-+ "),
        (RAISED.replace("orange", "orange, transition: raised, text_en: orange limit of 0.02 MPa") + CLEARED, "  "),
        (RAISED.replace("orange", "orange, transition: escalated") + CLEARED, "-+ "),
        (RAISED.replace("orange", "orange, text_zh: 不高于橙色限值") + CLEARED, "  "),
        (RAISED.replace("orange", "orange, text_zh: 沼气") + CLEARED, "-+ "),
    ],
)
def test_run_marks_what_differs(tmp_path, expected, found):
    """A missing, additional or different transition stands beside the transition that happened."""
    assert found == marks(tmp_path, RULES + expected)


def test_run_difference_tells_time_alarm_level_and_words(tmp_path):
    """The line names the correction."""
    lines = [str(line) for line in outcome(tmp_path, RULES + RAISED.replace("20s", "18s") + CLEARED).lines]

    assert "-       18s  tower.low/T.p orange" == lines[0]
    assert lines[1].startswith(
        "+       20s  tower.low/T.p raised, orange: Fire-water pressure 0.00 MPa, at or below the orange limit"
    )


def test_run_hears_silence_between_readings(tmp_path):
    """The program listens each second, so a stale rule speaks; the fault is a word of its own."""
    text = RULES.replace("0.3x4 0x10 0.3x9", "0.3x4 _x5 0.3x2")
    silent = "      - {at: 14s, alarm: tower.silent/T.p, level: fault}\n"
    heard = "      - {at: 20s, alarm: tower.silent/T.p, level: none, text_en: back}\n"

    assert "  " == marks(tmp_path, text + silent + heard)


def test_run_that_does_not_listen_knows_no_silence(tmp_path):
    """A test of weeks need not listen to every second."""
    text = RULES.replace("0.3x4 0x10 0.3x9", "0.3x4 _x2 0.3x2").replace(
        "    expect:", "    listens: false\n    expect:"
    )

    assert "" == marks(tmp_path, text.replace("    expect:", "    expect: []"))


def test_run_only_of_some_rules_leaves_the_others_out(tmp_path):
    """All rules are judged, and some are looked at."""
    text = RULES.replace("0x10 0.3x9", "0x10 0.3x9 _x9").replace("    expect:", "    until: 1m\n    expect:")
    only = text.replace("tests:", "only: [tower.low]\ntests:")

    assert ("  +", "  ") == (marks(tmp_path, text + RAISED + CLEARED), marks(tmp_path, only + RAISED + CLEARED))


def test_run_reading_that_no_instrument_gives_is_flagged(tmp_path):
    """As in the intake, a value out of range is held; the test sets other flags."""
    values = "    readings:\n      - {at: 30s, sensor: T.p, value: -9}\n    only: [tower.low]\n    expect: []"
    text = RULES.replace("0x10 0.3x9", "0.3").replace("on_delay_s: 10", "on_delay_s: 0").replace("    expect:", values)
    good = text.replace("value: -9}", "value: -9, quality: [spike, rate]}")

    assert ("", "+") == (marks(tmp_path, text), marks(tmp_path, good))


def test_run_late_reading_is_not_judged(tmp_path):
    """A reading is judged when it is received."""
    late = "    readings:\n      - {at: 3s, sensor: T.p, value: 0, received: 21s}\n"
    text = RULES.replace("0x10 0.3x9", "0.3x9").replace("    expect:", late + "    expect: []")

    assert "" == marks(tmp_path, text.replace("on_delay_s: 10", "on_delay_s: 0"))


def test_run_noise_and_wave_are_the_same_every_time(tmp_path):
    """Random readings with a seed give one history."""
    series = "values: 0.02x500, noise: {sd: 0.01, seed: 7}, wave: {amplitude: 0.01, period: 5m}"
    text = RULES.replace("values: 0.3x4 0x10 0.3x9", series).replace("    expect:", "    expect: []")

    assert outcome(tmp_path, text) == outcome(tmp_path, text)
    assert outcome(tmp_path, text).lines


def test_suite_of_a_district_takes_its_register_and_rules(tmp_path):
    """A folder is enough; listed sensors replace its register."""
    header = "district: .\ntests:\n  - {name: x, expect: []}\n"
    (tmp_path / "rules.yaml").write_text("packs: [gas]\n", encoding="utf-8")
    for name, columns in {
        "regions": (
            "id,kind,parent,name_zh,name_en\n"
            "C,city,,C,C\nD,district,C,D,D\nS,street,D,S,S\nM,community,S,M,M\nG,grid,M,G,G"
        ),
        "assets": "id,kind,domain,name_zh,name_en,region,latitude,longitude\nA,gas_manhole,gas,A,A,G,29.7,107.3",
        "sensors": (
            "id,asset,device,channel,quantity,unit,cadence_s,stale_after_s,heartbeat\nM.ch4,A,M,ch4,methane,%LEL,60,,"
        ),
        "contacts": "id,name_zh,name_en,phone,language",
        "duties": "asset,role,contact",
    }.items():
        (tmp_path / f"{name}.csv").write_text(columns + "\n", encoding="utf-8")

    assert ("M.ch4",) == suite(tmp_path, header).register.sensor_ids
    assert ("X.ch4",) == suite(tmp_path, header + "sensors: [{id: X.ch4, quantity: methane}]\n").register.sensor_ids


@pytest.mark.parametrize(
    ("before", "after", "path", "remedy"),
    [
        ("T.p:", "T.q:", "tests[0].series.T.q", "did you mean T.p?"),
        ("quantity: fire_water_pressure, c", "quantity: water, c", "sensors[0].quantity", "did you mean"),
        ("alarm: tower.low/T.p", "alarm: tower.lo/T.p", "tests[0].expect[0].alarm", "did you mean tower.low/T.p?"),
        ("level: orange}", "level: fault}", "tests[0].expect[0].level", "a rule that judges devices"),
        ("level: orange}", "level: pink}", "tests[0].expect[0].level", "choose one"),
        ("at: 20s", "at: 20", "tests[0].expect[0].at", "write the unit"),
        ("every: 2s", "evry: 2s", "tests[0].series.T.p.evry", "did you mean every?"),
        ("    expect", "    only: [tower.hi]\n    expect", "tests[0].only[0]", "did you mean"),
        ("    expect", "    only: [tower.silent]\n    expect", "tests[0].expect[0].alarm", "`only`"),
        ("    expect", "    until: 5s\n    expect", "tests[0].expect[0].at", "enlarge `until`"),
        ("    expect", "    start: yesterday\n    expect", "tests[0].start", "write year"),
        ("cadence_s: 2}", "heartbeat: T.b}", "sensors[0].heartbeat", "did you mean T.p?"),
        ("sensors:", "sensors:\n  - {id: T.p, quantity: methane}", "sensors[1].id", "rename or remove"),
        ("rules:\n", "rules_file: x.yaml\nrules:\n", "rules_file", "remove one"),
        ("limit: 0.02", "limit: 9", "rules[0].levels[0].limit", "no working instrument"),
    ],
)
def test_suite_that_is_wrong_says_where_and_what_to_do(tmp_path, before, after, path, remedy):
    """A mistake in a test is reported as a mistake in a rule."""
    text = RULES + RAISED
    assert before in text
    with pytest.raises(ConfigError) as caught:
        suite(tmp_path, text.replace(before, after, 1))

    assert [True] == [remedy in each.remedy for each in caught.value.problems if each.path == path]


RUN = "values: 0.3x4 0x10 0.3x9"
FROM_READINGS = "    readings: [{at: 3s, sensor: T.p, value: 0x10}]\n    expect:"


@pytest.mark.parametrize(
    ("text", "path", "got"),
    [
        (RULES.replace(RUN, "values: 0x71"), "tests[0].series.T.p.values", "0x71, which YAML reads as the number 113"),
        (RULES.replace(RUN, "values: 0o17"), "tests[0].series.T.p.values", "0o17, which YAML reads as the number 15"),
        (
            RULES.replace(RUN, "values: [0.3, 0x10]"),
            "tests[0].series.T.p.values[1]",
            "0x10, which YAML reads as the number 16",
        ),
        (
            RULES.replace("    expect:", FROM_READINGS),
            "tests[0].readings[0].value",
            "0x10, which YAML reads as the number 16",
        ),
    ],
    ids=["a run", "an octal one", "in a list", "a single reading"],
)
def test_suite_with_a_run_that_is_a_hexadecimal_number_is_refused(tmp_path, text, path, got):
    """`0x71` is 0 and 71 more to its author, and 113 to YAML: the failure would be hard to explain."""
    with pytest.raises(ConfigError) as caught:
        suite(tmp_path, text.rstrip() + " []\n")

    [problem] = caught.value.problems
    expected = "a decimal number, or a run of values as text"
    remedy = f'put it in quotes: "{got.partition(",")[0]}"'
    line = next(
        i for i, each in enumerate(text.splitlines(), 1) if got.partition(",")[0] in each and "0.3x4 0x" not in each
    )
    assert (line, path, expected, got, remedy) == (
        problem.line,
        problem.path,
        problem.expected,
        problem.got,
        problem.remedy,
    )


def test_suite_with_a_run_in_quotes_is_a_run(tmp_path):
    """The remedy works; and beside other values no value needs quotes."""
    given = [
        suite(tmp_path, RULES.replace(RUN, f"values: {written}").rstrip() + " []\n") for written in ('"0x71"', "0x71 0")
    ]

    assert [(0.0,) * 72, (0.0,) * 73] == [each.tests[0].series["T.p"].values for each in given]

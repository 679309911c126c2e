"""I/O: a file of rule tests, with every file that it names.

Input: a path.
Output: `RuleTestSuite`, ready to run.
Not responsible for: running the tests; `rules.testing.runner` does.
Rejects: a file with any mistake, as one `ConfigError` with all mistakes.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from config.document import Document
from config.document import Path as Place
from config.errors import ConfigError, Problem
from config.files import read_yaml
from config.loading import load_quantities, load_register
from config.quantities import Quantity
from config.register import Register
from rules.engine import alarm_keys
from rules.events import AlarmKey
from rules.loading.loading import bind_rules, validate_document
from rules.loading.test_file import ExpectedTransition, RuleTest, RuleTestFile
from rules.rule import RuleSet
from rules.rule_file import DistrictFile
from rules.testing.runner import TestOutcome, level_word, register_of, run_test


@dataclass(frozen=True, slots=True)
class RuleTestSuite:
    """The tests of one file with their rules and register."""

    document: Document
    tests: tuple[RuleTest, ...]
    ruleset: RuleSet
    register: Register
    quantities: Mapping[str, Quantity]

    def line(self, number: int) -> int:
        """Return the line of test `number` in the file."""
        return self.document.line(("tests", number))

    def outcome(self, number: int) -> TestOutcome:
        """Return the outcome of test `number`."""
        return run_test(self.tests[number], self.ruleset, self.register, self.quantities)


def load_suite(path: Path) -> RuleTestSuite:
    """Return the tests of the file at `path`.

    Raises:
        ConfigError: everything that is wrong in it, and in rules and district that it names.
    """
    document = read_yaml(path)
    _raise_if_any(_find_based_problems(document))
    spec = validate_document(document, RuleTestFile)
    district = path.parent / spec.district if spec.district is not None else None
    quantities = load_quantities(district)
    if spec.sensors or district is None:
        register = register_of(spec)
        _raise_if_any(_find_register_problems(document, spec, quantities))
    else:
        register = load_register(district, quantities)
    ruleset = _load_rules_of_tests(path, document, spec, register, quantities)
    default = None if spec.only is None else {"only": spec.only}
    tests = tuple(each if each.only or default is None else each.model_copy(update=default) for each in spec.tests)
    _raise_if_any(_find_test_problems(document, spec, tests, ruleset, register))
    return RuleTestSuite(document, tests, ruleset, register, quantities)


def _find_based_problems(document: Document) -> Iterable[Problem]:
    """Yield readings that YAML takes for hexadecimal numbers though they look like a run: `0x71` is 0 and 71 more."""
    for place, written in document.based.items():
        if place[0] == "tests" and {"values", "value"} & set(place):
            got = f"{written}, which YAML reads as the number {document.at(place)}"
            expected = "a decimal number, or a run of values as text"
            yield document.problem(place, expected=expected, got=got, remedy=f'put it in quotes: "{written}"')


def _load_rules_of_tests(
    path: Path, document: Document, spec: RuleTestFile, register: Register, quantities: Mapping[str, Quantity]
) -> RuleSet:
    written = DistrictFile(packs=spec.packs, rules=spec.rules)
    if spec.rules_file is not None and (spec.rules or spec.packs):
        remedy = "remove one of the two"
        raise ConfigError(
            [document.problem(("rules_file",), expected="rules here or a file", got="both", remedy=remedy)]
        )
    if spec.rules or spec.packs:
        return bind_rules(document, written, register, quantities)
    named = spec.rules_file
    if named is None and spec.district is not None:
        named = f"{spec.district}/rules.yaml"
    if named is None:
        remedy = "write `rules`, or name `packs`, a `rules_file` or a `district`"
        raise ConfigError([document.problem((), expected="rules to test", got="none", remedy=remedy)])
    other = read_yaml(path.parent / named)
    # Sensors listed for a test are seldom all that a district's rules watch.
    return bind_rules(other, validate_document(other, DistrictFile), register, quantities, must_bind=not spec.sensors)


def _find_register_problems(
    document: Document, spec: RuleTestFile, quantities: Mapping[str, Quantity]
) -> Iterable[Problem]:
    ids = [each.id for each in spec.sensors]
    assets = set(spec.asset_ids())
    for i, each in enumerate(spec.sensors):
        place: Place = ("sensors", i)
        if each.quantity not in quantities:
            yield _make_unknown_problem(
                document, (*place, "quantity"), "a quantity of the catalogue", each.quantity, quantities
            )
        if each.heartbeat and each.heartbeat not in ids:
            yield _make_unknown_problem(
                document, (*place, "heartbeat"), "the id of a sensor of this file", each.heartbeat, ids
            )
        if each.id in ids[:i]:
            got, remedy = f"{each.id} again", "rename or remove it"
            yield document.problem((*place, "id"), expected="each sensor once", got=got, remedy=remedy)
    for i, pair in enumerate(spec.neighbours):
        for key, name in (("asset", pair.asset), ("neighbour", pair.neighbour)):
            if name not in assets:
                yield _make_unknown_problem(document, ("neighbours", i, key), "an asset of this file", name, assets)


def _find_test_problems(
    document: Document, spec: RuleTestFile, tests: Iterable[RuleTest], ruleset: RuleSet, register: Register
) -> Iterable[Problem]:
    alarms = {key.id: key for key in alarm_keys(ruleset, register)}
    rules = [rule.id for rule in ruleset.rules]
    named: list[tuple[Place, str, Iterable[str], str]] = [
        (("only", i), name, rules, "the id of a rule") for i, name in enumerate(spec.only or ())
    ]
    for number, test in enumerate(tests):
        place: Place = ("tests", number)
        written = spec.tests[number].only or ()
        named += [((*place, "only", i), name, rules, "the id of a rule") for i, name in enumerate(written)]
        named += [
            ((*place, *where), name, register.sensor_index, "the id of a sensor") for where, name in _list_senders(test)
        ]
        for i, each in enumerate(test.expect):
            yield from _find_expectation_problems(document, (*place, "expect", i), each, test, alarms)
    for where, name, known, expected in named:
        if name not in known:
            yield _make_unknown_problem(document, where, expected, name, known)


def _list_senders(test: RuleTest) -> Iterable[tuple[Place, str]]:
    yield from ((("series", name), name) for name in test.series)
    yield from ((("readings", i, "sensor"), reading.sensor) for i, reading in enumerate(test.readings))


def _find_expectation_problems(
    document: Document, place: Place, each: ExpectedTransition, test: RuleTest, alarms: Mapping[str, AlarmKey]
) -> Iterable[Problem]:
    key = alarms.get(each.alarm)
    if key is None:
        yield _make_unknown_problem(document, (*place, "alarm"), "an alarm, rule/sensor", each.alarm, alarms)
        return
    if test.only is not None and key.rule not in test.only:
        expected, remedy = f"an alarm of {', '.join(test.only)} (`only`)", "remove it, or add its rule to `only`"
        yield document.problem((*place, "alarm"), expected=expected, got=each.alarm, remedy=remedy)
    if each.level != "none" and (each.level == "fault") != (level_word(1, key.dimension) == "fault"):
        is_fault = each.level == "fault"
        expected = "a level" if is_fault else "fault or none"
        remedy = "a rule that judges devices has no levels; one that judges danger no faults"
        yield document.problem((*place, "level"), expected=expected, got=each.level, remedy=remedy)
    if test.until is not None and each.at > test.until:
        remedy = "enlarge `until`, or remove it"
        yield document.problem((*place, "at"), expected="a time before `until`", got="a later one", remedy=remedy)


def _make_unknown_problem(document: Document, place: Place, expected: str, got: str, known: Iterable[str]) -> Problem:
    names = list(known)
    close = difflib.get_close_matches(got, names, 1)
    listed = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    remedy = f"did you mean {close[0]}?" if close else f"known: {listed or 'none'}"
    return document.problem(place, expected=expected, got=got, remedy=remedy)


def _raise_if_any(problems: Iterable[Problem]) -> None:
    found = list(problems)
    if found:
        raise ConfigError(found)

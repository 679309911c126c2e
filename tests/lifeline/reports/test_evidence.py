"""The evidence of an alert exists for every rule kind, also where the journal does not reach back."""

import contextlib
import dataclasses
import importlib
import random

import pytest

from collector.journal.reader import JournalReader
from config.city_time import CityTime
from lifeline.reports.alert_chain import read_chain
from lifeline.reports.evidence import _list_columns, _list_options, describe_evidence
from lifeline.reports.explain import format_explanation
from rules.kinds import RULE_KINDS
from rules.rule import RuleSet


@pytest.mark.parametrize("kind", RULE_KINDS)
def test_evidence_of_every_kind_names_its_keys_and_its_state(kind):
    """Keys, levels and state columns of the kind become words, whatever it keeps."""
    case = importlib.import_module(f"tests.rules.kinds.case_{kind}").CASE
    engine = case.engine()
    stream = case.stream(random.Random(1))  # noqa: S311
    for position, batch in enumerate(case.batches(stream), 1):
        engine.evaluate(batch, position)
    rule = case.rules.rules[-1]
    alarm = next(i for i, key in enumerate(engine.alarms) if key.rule == rule.id)
    told = dict(_list_columns(engine.columns_of(alarm), CityTime().zone))

    assert "level" in told
    assert [] == [text for text in told.values() if not text]
    assert len(list(_list_options(rule))) == 1 + len(rule.levels)


def test_evidence_without_a_journal_tells_the_rule_alone(desk, ask_without_journal):
    """Nothing is made up."""
    text = ask_without_journal(desk.orange().id)

    assert ("fire_water.zero_pressure (threshold)" in text, "inputs, journal" in text) == (True, False)


@pytest.fixture
def ask_without_journal(desk):
    """Return a function that explains an alert with the journal gone."""

    def call(alert):
        chain = read_chain(desk.stores.ledger, alert)
        return "\n".join(describe_evidence(chain, desk.configuration, desk.stores.ledger, None, "en"))

    return call


@pytest.fixture
def noisy(desk):
    """Return the desk with a rule that derives its deadband from the noise."""
    rules = desk.configuration.ruleset.rules
    zero = next(rule for rule in rules if rule.id == "fire_water.zero_pressure")
    levels = tuple(each.model_copy(update={"deadband_sigmas": 3}) for each in zero.options.levels)
    options = zero.options.model_copy(update={"levels": levels})
    changed = dataclasses.replace(zero, options=options, levels=options.limits())
    ruleset = RuleSet(tuple(changed if rule is zero else rule for rule in rules), "noisy")
    desk.configuration = dataclasses.replace(desk.configuration, ruleset=ruleset)
    desk.new_stage()
    for i in range(40):
        desk.feed(0.30 + 0.02 * (i % 2), 1)
    return desk


def test_explain_of_a_deadband_by_noise_tells_which_was_in_force(noisy):
    """At the beginning and at the end in words, and the sigma in the state of the rule."""
    alert = noisy.orange()
    noisy.feed(0.35, 40)
    noisy.evaluate()
    chain = read_chain(noisy.stores.ledger, alert.id)
    text = format_explanation(chain, noisy.configuration.register, noisy.configuration.ruleset, "en")
    with contextlib.closing(
        JournalReader(noisy.folder / "journal.db", noisy.configuration.register.sensor_ids)
    ) as journal:
        behind = list(describe_evidence(chain, noisy.configuration, noisy.stores.ledger, journal, "en"))

    assert "at or below the orange limit of 0.02 MPa for 10 s (deadband 0.05 MPa)" in text
    assert "back above the orange reset value of 0.07 MPa for 10 s (deadband 0.05 MPa)" in text
    assert [True] == [0.017 < float(line.partition("=")[2]) < 0.019 for line in behind if "  sigma = " in line]

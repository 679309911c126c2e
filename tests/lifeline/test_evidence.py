"""What stood behind an alert is told for every rule kind, also where the journal does not reach back."""

import importlib
import random

import pytest

from lifeline.chain import read_chain
from lifeline.evidence import _columns, _options, evidence
from rules.kinds import RULE_KINDS


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
    told = dict(_columns(engine.columns_of(alarm)))

    assert "level" in told
    assert [] == [text for text in told.values() if not text]
    assert len(list(_options(rule))) == 1 + len(rule.levels)


def test_evidence_without_a_journal_tells_the_rule_alone(desk, ask_without_journal):
    """Nothing is made up."""
    text = ask_without_journal(desk.orange().id)

    assert ("fire_water.zero_pressure (threshold)" in text, "inputs, journal" in text) == (True, False)


@pytest.fixture
def ask_without_journal(desk):
    """Return a function that explains an alert with the journal gone."""

    def call(alert):
        chain = read_chain(desk.stores.ledger, alert)
        return "\n".join(evidence(chain, desk.configuration, desk.stores.ledger, None, "en"))

    return call

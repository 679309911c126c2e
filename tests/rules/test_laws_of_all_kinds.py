"""The laws over all kinds together: one district in which each of them is bound, and speaks."""

import json
import random
from collections import defaultdict
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.batch import ReadingBatch, tick
from rules.engine import RuleEngine
from rules.events import Dimension
from rules.kinds import RULE_KINDS
from rules.references import references_of
from rules.rule import RuleSet
from tests.rules.laws import hazards_before_and_after, history, lines, undisturbed_and_restored, whole_and_split
from tests.rules.small_district import SECOND_NS
from tests.rules.whole_district import (
    RULES,
    engine,
    joined,
    nine_days,
    register,
    rules,
    rules_of,
    stories,
    troubled_days,
    warm,
)

WRITTEN = {each["id"]: each for each in yaml.safe_load(RULES)["rules"]}


@pytest.fixture(scope="module", name="spoken")
def _spoken() -> dict[str, set[str]]:
    judge, spoken = warm(), defaultdict(set)
    kinds = {rule.id: rule.kind for rule in rules()}
    for line in history(judge, troubled_days()):
        told = json.loads(line + "}")
        spoken[kinds[told["alarm"].split("/")[0]]].add(told["transition"])
    return spoken


@pytest.mark.parametrize("kind", RULE_KINDS)
def test_kind_of_the_table_raises_and_clears_in_the_whole_district(kind, spoken):
    """No kind is left out below: each is bound, and its windows are short enough."""
    assert {"raised", "cleared"} <= spoken[kind]


def test_all_kinds_restored_again_and_again_tell_byte_identical_history_of_troubled_days():
    """Law 2: each restart is in the middle of somebody's window, delay or alarm."""
    batches, undisturbed, restarted = troubled_days(), warm(), warm()
    every, told = 37, []
    for i in range(0, len(batches), every):
        blob, restarted = restarted.snapshot(), engine()
        restarted.restore(blob)
        told += lines(restarted, batches[i : i + every], i + 1)

    assert lines(undisturbed, batches) == told
    assert undisturbed.snapshot() == restarted.snapshot()


@pytest.mark.parametrize("together", [4, 30])
def test_all_kinds_of_any_split_tell_the_same_history_of_troubled_days(together):
    """Law 3: readings of many sensors that came together, or one after the other at the same time."""
    batches = troubled_days()
    batches = [joined(batches[i : i + together]) for i in range(0, len(batches), together)]
    whole, split = whole_and_split(warm, batches, random.Random(together))  # noqa: S311 - the same every time

    assert whole == split


@settings(max_examples=20, deadline=None)
@given(stories(), st.randoms(use_true_random=False))
def test_all_kinds_of_any_split_tell_the_same_history_and_keep_the_same_state(story, dice):
    """Law 3, with late, repeated, poisoned, doubted and unknown readings, and clocks that are wrong or set back."""
    whole, split = whole_and_split(warm, story.batches(), dice)

    assert whole == split


@settings(max_examples=20, deadline=None)
@given(stories(), st.data())
def test_all_kinds_restored_anywhere_into_a_fresh_engine_tell_byte_identical_history(story, data):
    """Law 2."""
    batches = story.batches()
    place = data.draw(st.integers(0, len(batches)))
    undisturbed, restored = undisturbed_and_restored(warm, batches, place, fresh=engine)

    assert undisturbed == restored


@settings(max_examples=3, deadline=None)
@given(stories())
def test_all_kinds_replayed_from_the_start_tell_byte_identical_history(story):
    """Law 2: nine days before included."""
    batches, before, first = story.batches(), nine_days(), len(nine_days()) + 1
    replayed, went_on = engine(), warm()
    lines(replayed, before)

    assert lines(replayed, batches, first) == lines(went_on, batches, first)
    assert replayed.snapshot() == went_on.snapshot()


@settings(max_examples=15, deadline=None)
@given(stories(), st.sampled_from([1, 300, 90_000]))
def test_all_kinds_in_silence_keep_every_hazard(story, step_s):
    """Law 4: nothing begins, changes or ends in silence; levels that waited for older readings come first."""
    batches = story.batches()
    last = tick(max(each.received_ns for each in batches) + 10 * SECOND_NS)
    before, after = hazards_before_and_after(warm(), [*batches, last], step_s)

    assert before == after


@dataclass(frozen=True)
class Change:
    """The changes of the rules, by id."""

    changed: frozenset[str]
    """Have another delay."""
    removed: frozenset[str]
    doubled: frozenset[str]
    """Stand there once more, with another delay."""
    dice: int
    """For the order."""

    def rules(self) -> RuleSet:
        """Return the other rules."""
        gone = _with_followers(self.removed)
        written = [_delayed(each) if name in self.changed else each for name, each in WRITTEN.items()]
        written = [each for each in written if each["id"] not in gone]
        written += [{**_delayed(WRITTEN[name]), "id": f"{name}.more"} for name in self.doubled - gone]
        random.Random(self.dice).shuffle(written)  # noqa: S311 - drawn, so the same each time
        return rules_of(yaml.safe_dump({"rules": written}, allow_unicode=True))

    def same(self) -> set[str]:
        """Return the ids of unchanged rules: unchanged in their own words and in all rules that they follow."""
        touched = _with_followers(self.changed | self.removed)
        if any(RULE_KINDS[WRITTEN[name]["kind"]].dimension is Dimension.HEALTH for name in touched):
            # Who is blind is not what it was, and every composite looks at it.
            touched = _with_followers(touched | {name for name in WRITTEN if WRITTEN[name]["kind"] == "composite"})
        return set(WRITTEN) - touched


some = st.frozensets(st.sampled_from(list(WRITTEN)), max_size=5)
hazardous = st.frozensets(st.sampled_from([name for name in WRITTEN if "levels" in WRITTEN[name]]), max_size=5)
changes = st.builds(Change, some, some, hazardous, st.integers(0, 2**32))


def _with_followers(names: AbstractSet[str]) -> set[str]:
    found = set(names)
    for _ in rules():
        found |= {rule.id for rule in rules() if found & {each.rule for each in references_of(rule)}}
    return found


def _delayed(written: dict) -> dict:
    """Return a rule with another delay; a health rule with other words, which change nothing but its version."""
    if "levels" not in written:
        return {**written, "title": {"zh": "改", "en": "changed"}}
    levels = [{key: each[key] for key in each if key != "of_samples"} for each in written["levels"]]
    return {**written, "levels": [{**each, "on_delay_s": 5} for each in levels]}


def of_rules(judge: RuleEngine, batches: Sequence[ReadingBatch], names: set[str]) -> dict[str, list[str]]:
    """Return the transitions of `batches`, alarm by alarm of the rules `names`, and the level at the end."""
    told: dict[str, list[str]] = {key.id: [] for key in judge.alarms if key.rule in names}
    for line in history(judge, batches):
        alarm = json.loads(line + "}")["alarm"]
        if alarm in told:
            told[alarm].append(line)
    for key, level in zip(judge.alarms, judge.levels().tolist(), strict=True):
        if key.id in told:
            told[key.id].append(str(level))
    return told


@settings(max_examples=20, deadline=None)
@given(stories(), changes, st.data())
def test_all_kinds_restored_into_changed_rules_go_on_where_their_rule_is_the_same(story, change, data):
    """Hot reload: changes of other rules, of the same kind or not, do not affect an unchanged rule."""
    batches, same = story.batches(), change.same()
    place = data.draw(st.integers(0, len(batches)))
    judge, reloaded = warm(), RuleEngine(change.rules(), register())
    lines(judge, batches[:place])
    reloaded.restore(judge.snapshot())

    assert of_rules(judge, [], same) == of_rules(reloaded, [], same)
    assert of_rules(judge, batches[place:], same) == of_rules(reloaded, batches[place:], same)

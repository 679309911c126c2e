"""Each kind of rule uses the flagged readings that its line in the table of kinds says, and no others."""

import dataclasses
import random
from collections.abc import Sequence

import numpy as np
import pytest

from collector.batch import INFORMATION, RECEIVED_CLOCK, Quality, ReadingBatch
from rules.kinds import RULE_KINDS
from rules.level_options import LimitOptions
from rules.quality_masks import DOUBTED, NOTHING, QualityMask
from tests.rules.kinds.undisturbed import case_of
from tests.rules.laws import lines

VALUE_FLAGS = [flag for flag in Quality if flag and not flag & (RECEIVED_CLOCK | INFORMATION | Quality.OUT_OF_RANGE)]
HAZARDS = [kind for kind in RULE_KINDS if issubclass(RULE_KINDS[kind].options, LimitOptions)]
# `shift` may be told to ignore no flag; its case has such a rule.
IGNORING = [kind for kind in HAZARDS if kind != "shift" and RULE_KINDS[kind].ignores is not NOTHING]
PAIRS = [(kind, flag) for kind in IGNORING for flag in RULE_KINDS[kind].ignores.flags]


def events(kind: str, seed: int, flags: int) -> list[str]:
    """Return the transitions of rules of `kind` over a stream of readings that all carry `flags`."""
    case = case_of(kind)
    ids = {rule.id for rule in case.rules if rule.kind == kind}
    batches = flagged(case.batches(case.stream(random.Random(seed))), flags)  # noqa: S311 - equal every time
    return [line for line in lines(case.engine(), batches) if line.split('"')[3].split("/")[0] in ids]


def flagged(batches: Sequence[ReadingBatch], flags: int) -> list[ReadingBatch]:
    """Return `batches` with `flags` at every reading."""
    return [dataclasses.replace(each, quality=each.quality | np.uint16(flags)) for each in batches]


@pytest.mark.parametrize(("kind", "flag"), PAIRS, ids=str)
def test_kind_ignores_readings_with_each_flag_of_its_mask(kind, flag):
    """A stream in which every reading has the flag raises nothing."""
    assert [] == events(kind, 0, flag)


@pytest.mark.parametrize("kind", HAZARDS)
def test_kind_uses_readings_with_all_other_flags(kind):
    """A stream in which every reading has every other flag still raises alarms, unless the kind does not learn."""
    line = RULE_KINDS[kind]
    others = sum(flag for flag in VALUE_FLAGS if not flag & (line.ignores.flags | line.does_not_learn.flags))

    assert any(events(kind, seed, others) for seed in range(6))


def test_masks_name_their_flags():
    """The words are those of the bits; no flag is a dash."""
    assert ("DEVICE_SUSPECT, RATE, SPIKE", "–") == (DOUBTED.words, NOTHING.words)


def test_every_mask_has_a_reason():
    """A reader of the table learns why."""
    masks = {each for kind in RULE_KINDS.values() for each in (kind.ignores, kind.does_not_learn)}

    assert [] == [each for each in masks if not isinstance(each, QualityMask) or len(each.reason) < 30]

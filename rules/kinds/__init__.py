"""Rule kinds: one file each, one line in `RULE_KINDS`."""

from collections.abc import Mapping

from rules.events import Dimension
from rules.kind import RuleKind
from rules.kinds.stale import Stale, StaleOptions
from rules.kinds.threshold import Threshold, ThresholdOptions

RULE_KINDS: Mapping[str, RuleKind] = {
    "stale": RuleKind(Dimension.HEALTH, StaleOptions, Stale),
    "threshold": RuleKind(Dimension.HAZARD, ThresholdOptions, Threshold),
}
"""Word in a rule's `kind` to what judges it."""

"""Rule kinds: one file each, one line in `RULE_KINDS`."""

from collections.abc import Mapping

from rules.events import Dimension
from rules.kind import RuleKind
from rules.kinds.baseline import Baseline, BaselineOptions
from rules.kinds.battery import Battery, BatteryOptions
from rules.kinds.composite import Composite, CompositeOptions, one_for
from rules.kinds.deviation import Deviation, DeviationOptions
from rules.kinds.flat import Flat, FlatOptions
from rules.kinds.rate_of_change import RateOfChange, RateOfChangeOptions
from rules.kinds.shift import Shift, ShiftOptions
from rules.kinds.stale import Stale, StaleOptions
from rules.kinds.state import StateKind, StateOptions
from rules.kinds.threshold import Threshold, ThresholdOptions
from rules.kinds.trend import Trend, TrendOptions
from rules.kinds.vote import Vote, VoteOptions

RULE_KINDS: Mapping[str, RuleKind] = {
    "baseline": RuleKind(Dimension.HAZARD, BaselineOptions, Baseline),
    "battery": RuleKind(Dimension.HEALTH, BatteryOptions, Battery, blinds=False),
    "composite": RuleKind(Dimension.HAZARD, CompositeOptions, None, follow=Composite, one_for=one_for),
    "deviation": RuleKind(Dimension.HAZARD, DeviationOptions, Deviation),
    "flat": RuleKind(Dimension.HEALTH, FlatOptions, Flat),
    "rate_of_change": RuleKind(Dimension.HAZARD, RateOfChangeOptions, RateOfChange),
    "shift": RuleKind(Dimension.HAZARD, ShiftOptions, Shift),
    "stale": RuleKind(Dimension.HEALTH, StaleOptions, Stale),
    "state": RuleKind(Dimension.HAZARD, StateOptions, StateKind),
    "threshold": RuleKind(Dimension.HAZARD, ThresholdOptions, Threshold),
    "trend": RuleKind(Dimension.HAZARD, TrendOptions, Trend),
    "vote": RuleKind(Dimension.HAZARD, VoteOptions, None, follow=Vote),
}
"""Word in a rule's `kind` to what judges it."""

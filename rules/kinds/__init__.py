"""Rule kinds: one file each, one line in `RULE_KINDS`."""

from collections.abc import Mapping

from rules.events import Dimension
from rules.kind import RuleKind
from rules.kinds.baseline import Baseline, BaselineOptions
from rules.kinds.battery import Battery, BatteryOptions
from rules.kinds.burst import Burst, BurstOptions
from rules.kinds.compare import Compare, CompareOptions, among
from rules.kinds.composite import Composite, CompositeOptions, one_for
from rules.kinds.deviation import Deviation, DeviationOptions
from rules.kinds.displacement import Displacement, DisplacementOptions
from rules.kinds.fatigue import Fatigue, FatigueOptions
from rules.kinds.flat import Flat, FlatOptions
from rules.kinds.modes import Modes, ModesOptions
from rules.kinds.night_flow import NightFlow, NightFlowOptions
from rules.kinds.rate_of_change import RateOfChange, RateOfChangeOptions
from rules.kinds.residual import Residual, ResidualOptions
from rules.kinds.residual_fault import ResidualFault, ResidualFaultOptions
from rules.kinds.shift import Shift, ShiftOptions
from rules.kinds.spectrum import Spectrum, SpectrumOptions
from rules.kinds.stale import Stale, StaleOptions
from rules.kinds.state import StateKind, StateOptions
from rules.kinds.threshold import Threshold, ThresholdOptions
from rules.kinds.time_to_limit import TimeToLimit, TimeToLimitOptions
from rules.kinds.trend import Trend, TrendOptions
from rules.kinds.vote import Vote, VoteOptions
from rules.quality_masks import (
    DOUBTED,
    DOUBTED_BUT_FAST,
    DOUBTED_BUT_SHAKEN,
    DOUBTED_DEVICE,
    DOUBTED_OR_FROZEN,
    NOT_NOISE,
    NOTHING,
    UNUSABLE,
    UNUSUAL,
)

RULE_KINDS: Mapping[str, RuleKind] = {
    "baseline": RuleKind(Dimension.HAZARD, BaselineOptions, Baseline, DOUBTED, UNUSUAL),
    "battery": RuleKind(Dimension.HEALTH, BatteryOptions, Battery, UNUSABLE, blinds=False),
    "burst": RuleKind(Dimension.HAZARD, BurstOptions, Burst, DOUBTED_BUT_FAST),
    "compare": RuleKind(Dimension.HAZARD, CompareOptions, Compare, DOUBTED, UNUSUAL, among=among),
    "composite": RuleKind(Dimension.HAZARD, CompositeOptions, None, NOTHING, build_derived=Composite, one_for=one_for),
    "deviation": RuleKind(Dimension.HAZARD, DeviationOptions, Deviation, DOUBTED, UNUSUAL),
    "displacement": RuleKind(Dimension.HAZARD, DisplacementOptions, Displacement, DOUBTED),
    "fatigue": RuleKind(Dimension.HAZARD, FatigueOptions, Fatigue, DOUBTED),
    "flat": RuleKind(Dimension.HEALTH, FlatOptions, Flat, UNUSABLE),
    "modes": RuleKind(Dimension.HAZARD, ModesOptions, Modes, DOUBTED_BUT_SHAKEN),
    "night_flow": RuleKind(Dimension.HAZARD, NightFlowOptions, NightFlow, DOUBTED, UNUSUAL),
    "rate_of_change": RuleKind(Dimension.HAZARD, RateOfChangeOptions, RateOfChange, DOUBTED),
    "residual": RuleKind(Dimension.HAZARD, ResidualOptions, Residual, DOUBTED_OR_FROZEN),
    "residual_fault": RuleKind(Dimension.HEALTH, ResidualFaultOptions, ResidualFault, DOUBTED_DEVICE),
    "shift": RuleKind(Dimension.HAZARD, ShiftOptions, Shift, DOUBTED, UNUSUAL),
    "spectrum": RuleKind(Dimension.HAZARD, SpectrumOptions, Spectrum, DOUBTED_BUT_SHAKEN),
    "stale": RuleKind(Dimension.HEALTH, StaleOptions, Stale, UNUSABLE),
    "state": RuleKind(Dimension.HAZARD, StateOptions, StateKind, NOTHING),
    "threshold": RuleKind(Dimension.HAZARD, ThresholdOptions, Threshold, NOTHING, NOT_NOISE),
    "time_to_limit": RuleKind(Dimension.HAZARD, TimeToLimitOptions, TimeToLimit, DOUBTED),
    "trend": RuleKind(Dimension.HAZARD, TrendOptions, Trend, DOUBTED),
    "vote": RuleKind(Dimension.HAZARD, VoteOptions, None, NOTHING, build_derived=Vote),
}
"""Word in a rule's `kind`: dimension, options, evaluator, flags that it ignores, flags that it does not learn from."""

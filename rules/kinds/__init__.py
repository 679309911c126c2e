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

RULE_KINDS: Mapping[str, RuleKind] = {
    "baseline": RuleKind(Dimension.HAZARD, BaselineOptions, Baseline),
    "battery": RuleKind(Dimension.HEALTH, BatteryOptions, Battery, blinds=False),
    "burst": RuleKind(Dimension.HAZARD, BurstOptions, Burst),
    "compare": RuleKind(Dimension.HAZARD, CompareOptions, Compare, among=among),
    "composite": RuleKind(Dimension.HAZARD, CompositeOptions, None, build_derived=Composite, one_for=one_for),
    "deviation": RuleKind(Dimension.HAZARD, DeviationOptions, Deviation),
    "displacement": RuleKind(Dimension.HAZARD, DisplacementOptions, Displacement),
    "fatigue": RuleKind(Dimension.HAZARD, FatigueOptions, Fatigue),
    "flat": RuleKind(Dimension.HEALTH, FlatOptions, Flat),
    "modes": RuleKind(Dimension.HAZARD, ModesOptions, Modes),
    "night_flow": RuleKind(Dimension.HAZARD, NightFlowOptions, NightFlow),
    "rate_of_change": RuleKind(Dimension.HAZARD, RateOfChangeOptions, RateOfChange),
    "residual": RuleKind(Dimension.HAZARD, ResidualOptions, Residual),
    "residual_fault": RuleKind(Dimension.HEALTH, ResidualFaultOptions, ResidualFault),
    "shift": RuleKind(Dimension.HAZARD, ShiftOptions, Shift),
    "spectrum": RuleKind(Dimension.HAZARD, SpectrumOptions, Spectrum),
    "stale": RuleKind(Dimension.HEALTH, StaleOptions, Stale),
    "state": RuleKind(Dimension.HAZARD, StateOptions, StateKind),
    "threshold": RuleKind(Dimension.HAZARD, ThresholdOptions, Threshold),
    "time_to_limit": RuleKind(Dimension.HAZARD, TimeToLimitOptions, TimeToLimit),
    "trend": RuleKind(Dimension.HAZARD, TrendOptions, Trend),
    "vote": RuleKind(Dimension.HAZARD, VoteOptions, None, build_derived=Vote),
}
"""Word in a rule's `kind` to what judges it."""

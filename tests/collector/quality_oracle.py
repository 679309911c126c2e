"""The checks again, slow and obvious: one reading of one sensor at a time. Tests compare with it."""

import math
from dataclasses import dataclass

from collector.batch import Quality
from collector.check_state.limits import CheckLimits

S = 1_000_000_000
STAND_IN = Quality.TIME_SERVER | Quality.TIME_FUTURE | Quality.TIME_PAST


@dataclass
class SensorState:
    """One sensor and everything it has said."""

    rate: float
    span: float
    gap_s: float
    cadence_s: float
    limits: CheckLimits
    newest: tuple | None = None  # time, stands in, value, flags
    level: float = 0.0
    fast: float = 0.0
    slow: float = 0.0
    count: int = 0
    pending: bool = False
    run: tuple = (0.0, 0, 0)  # value, readings, begin
    longest: float = 0.0
    changes: int = 0

    def judge(self, received_ns, time_ns, value, quality):
        """Return the reading's bits."""
        if quality & Quality.OUT_OF_RANGE:
            return quality
        stands_in = bool(quality & STAND_IN)
        time_ns = received_ns if stands_in else time_ns
        if self.newest and (time_ns < self.newest[0] or (time_ns == self.newest[0] and not stands_in)):
            same = time_ns == self.newest[0] and value == self.newest[2]
            return quality | (self.newest[3] if same else 0)
        fresh = self.newest is None or time_ns - self.newest[0] > self.gap_s * S
        flags = 0 if fresh else self.compare(time_ns, stands_in, value)
        if fresh:
            self.level, self.pending = value, False
        if fresh and self.newest and self.newest[1] == stands_in:
            flags = Quality.GAP
        self.count += 1
        if self.is_flat(fresh, time_ns, value):
            flags |= Quality.FLAT
        self.newest = (time_ns, stands_in, value, int(flags))
        return quality | int(flags)

    def compare(self, time_ns, stands_in, value):
        """Return RATE and SPIKE, and learn."""
        before_ns, before_stands_in, last, _ = self.newest
        change, away = abs(value - last), abs(value - self.level)
        flags = Quality.GOOD
        seconds = max(time_ns - before_ns, 1) / S
        if not (stands_in or before_stands_in) and min(change, away) > self.rate * seconds:
            flags |= Quality.RATE
        scale, floor = max(self.fast, math.sqrt(self.slow)), self.span * self.limits.spike_floor
        if self.changes > self.limits.noisy_share * self.count:
            floor = 0.0
        bound = max(self.limits.spike_scales * scale, floor)
        learned = self.count >= self.limits.learn_readings
        beyond = learned and away > bound
        spike = beyond and not (self.pending and change <= bound)
        if spike:
            flags |= Quality.SPIKE
        elif beyond:
            self.level = value
        else:
            self.level += self.limits.level_weight * (value - self.level)
        self.pending = spike
        lesson = min(change, max(self.limits.clip * scale, floor)) if learned else change
        known = 1 / (self.count + 1)
        self.fast += max(1 / self.limits.fast_readings, known) * (lesson - self.fast)
        self.slow += max(1 / self.limits.slow_readings, known) * (lesson * lesson - self.slow)
        return flags

    def at_rest(self, value):
        """Tell whether a value is an end of the range, which begins at zero."""
        return value <= self.span * 1e-9 or value >= self.span - self.span * 1e-9

    def is_flat(self, fresh, time_ns, value):
        """Tell whether the run of equal readings is too long, and remember runs."""
        anchor, length, begin = self.run
        knows = self.changes >= self.limits.flat_changes
        rests = self.at_rest(anchor)
        floor = self.limits.rest_readings if rests else self.limits.flat_readings
        limit = max(floor, self.limits.flat_ratio * self.longest)
        if not fresh and abs(value - anchor) <= self.span * 1e-9:
            self.run = (anchor, length + 1, begin)
            lasted = time_ns - begin >= self.cadence_s * floor * S
            return knows and length + 1 > limit and lasted
        if length:
            most = limit if rests else self.limits.flat_lesson * self.longest
            counted = min(length, most) if knows and length > limit else length
            self.longest = max(self.longest * self.limits.flat_forget, counted)
            self.changes += 1
        self.run = (value, 1, time_ns)
        return False

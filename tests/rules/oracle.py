"""The rules again, slow and obvious: one reading, one level and one dictionary at a time. Tests compare with it."""

import math
from dataclasses import dataclass, field

from collector.batch import Quality, ReadingBatch
from config.register import Register
from rules.rule import Rule, RuleSet, Side

S = 1_000_000_000
DOUBTED = (
    Quality.SPIKE
    | Quality.RATE
    | Quality.DEVICE_SUSPECT
    | Quality.FLAT
    | Quality.NEIGHBOUR
    | Quality.UNCHECKED
    | Quality.OUT_OF_RANGE
)


@dataclass
class Level:
    """One level of one alarm."""

    limit: object
    beyond: bool = False
    active: bool = False
    since: int = 0
    lives: bool = False
    samples: int = 0
    hits: list = field(default_factory=list)

    def look(self, *, broken):
        """Remember whether the newest reading found the condition, as long as the level has not begun."""
        before = [] if broken or self.active else self.hits
        self.hits = [*before, self.beyond][-self.limit.of_samples :]

    def is_counted(self):
        """Tell whether enough readings found it so: in a row, or among the last ones."""
        if self.beyond and self.limit.of_samples:
            return sum(self.hits) >= self.limit.on_samples
        return self.samples >= (self.limit.on_samples if self.beyond else self.limit.off_samples)


@dataclass
class Scatter:
    """The known noise of a sensor: the chart for individual values, one reading at a time."""

    mean: float = 0.0
    ranges: int = 0
    before: tuple | None = None
    value: float | None = None

    def sigma(self):
        """Return the sigma, 0 while it is not known."""
        return self.mean / 1.128 if self.ranges >= 30 else 0.0

    def learn(self, hazard, time, value, clock, stale_ns):
        """Look at one good reading."""
        gone = self.before is None or not 0 <= time - self.before[0] <= stale_ns or clock != self.before[1]
        calm = all(is_back(level.limit, value) for level in hazard.levels)
        if calm and not gone and self.value is not None and abs(value - self.value) < 1e150:
            moved = abs(value - self.value)
            if self.ranges:
                finest = 10.0**-hazard.rule.judged_quantity.decimals if hazard.rule.judged_quantity else 1e-6
                moved = min(moved, max(3.267 * self.mean, finest))
            self.ranges = min(self.ranges + 1, 100)
            self.mean += (moved - self.mean) / self.ranges
        self.before, self.value = (time, clock), value if calm else None


@dataclass
class Hazard:
    """One alarm of a threshold rule."""

    number: int
    rule: Rule
    sensor: int
    levels: list[Level]
    shown: int = 0
    episode: int = 0
    last: tuple | None = None
    scatter: Scatter = field(default_factory=Scatter)
    sigma: float = 0.0


@dataclass
class Health:
    """One alarm of a stale rule."""

    number: int
    sensor: int
    beat: int | None
    online: int | None
    blind: bool = False
    episode: int = 0
    changed: int | None = None


@dataclass
class Oracle:
    """Judges the same rules as the engine."""

    ruleset: RuleSet
    register: Register
    hazards: list[Hazard] = field(default_factory=list)
    healths: list[Health] = field(default_factory=list)
    newest: dict = field(default_factory=dict)
    beat: dict = field(default_factory=dict)
    heard: dict = field(default_factory=dict)  # sensor -> (listening, time, value)
    advanced: dict = field(default_factory=dict)  # heartbeat -> (listening, time)
    received: int | None = None
    listening: int = 0
    checked: int = 0
    interrupted: int = 0

    def __post_init__(self):
        number = 0
        for rule in self.ruleset.rules:
            for sensor in rule.sensors:
                if rule.kind == "threshold":
                    self.hazards.append(Hazard(number, rule, sensor, [Level(limit) for limit in rule.levels]))
                else:
                    beat = self.register.sensors[sensor].heartbeat
                    index = self.register.sensor_index
                    online = index.get(f"{self.register.sensors[sensor].device}.online")
                    self.healths.append(Health(number, sensor, index[beat] if beat else None, online))
                number += 1

    def stale_ns(self, sensor):
        """Return the stale time of `sensor`."""
        return round(self.register.sensors[sensor].stale_after_s * S)

    def evaluate(self, batch: ReadingBatch) -> list[tuple]:
        """Return (alarm, time, episode, before, after, value, reason name) of each transition."""
        events = []
        if self.received is not None and batch.received_ns != self.received:
            if self.listening - self.checked >= S:
                self.checked = self.listening
                for health in self.healths:
                    events += self.fall_silent(health)
            step = batch.received_ns - self.received
            self.listening += min(max(step, 0), 5 * S)
            if step > 2 * S:
                self.interrupted = self.listening
        self.received = batch.received_ns
        for i in range(len(batch)):
            row = int(batch.sensor[i]), int(batch.time_ns[i]), float(batch.value[i]), Quality(int(batch.quality[i]))
            events += sorted(self.read(*row), key=lambda event: event[0])
        return events

    def read(self, sensor, time, value, quality):
        """Return the transitions of one reading."""
        known = 0 <= sensor < len(self.register.sensors)
        if not known or not math.isfinite(value) or not self.is_news(sensor, time, quality):
            return []
        usable = Quality.OUT_OF_RANGE not in quality
        moved, sighted = False, False
        if usable and any(each.heartbeat == self.register.sensors[sensor].id for each in self.register.sensors):
            sighted = sensor not in self.beat
            moved = not sighted and self.beat[sensor] != value
            self.beat[sensor] = value
        if usable:
            self.heard[sensor] = (self.listening, time, value)
        if moved or sighted:
            self.advanced[sensor] = (self.listening, time)
        events = []
        for hazard in self.hazards:
            if hazard.sensor == sensor and (usable or hazard.rule.options.on_suspect == "judge"):
                events += self.judge(hazard, time, value, quality)
            if moved and self.beat_of(hazard.sensor) == sensor:
                events += self.prove(hazard, time)
        for health in self.healths:
            events += self.notice(health, sensor, time, gone=value == 0) if usable else []
            if (moved or sighted) and health.beat == sensor:
                events += self.hear(health, time)
        return events

    def notice(self, health, sensor, time, gone):
        """Return the effect of a usable value of `sensor` on the health of another."""
        if health.online == sensor and gone:
            return self.go(health, time)
        return self.hear(health, time) if sensor in (health.sensor, health.online) else []

    def is_news(self, sensor, time, quality):
        """Tell whether a reading is newer than those before it by the same clock; a received time always is."""
        if quality & (Quality.LATE | Quality.HISTORICAL):
            return False
        if has_received_time(quality):
            return True
        newest = self.newest.get(sensor, -math.inf)
        # A clock that was ahead and has been corrected.
        was_ahead = newest > self.received + 5 * S and self.received - 60 * S <= time <= self.received
        is_news = time > newest or was_ahead
        if is_news:
            self.newest[sensor] = time
        return is_news

    def beat_of(self, sensor):
        """Return the heartbeat of `sensor`."""
        return self.register.sensor_index.get(self.register.sensors[sensor].heartbeat)

    def judge(self, hazard, time, value, quality):
        """Judge one value by one rule."""
        clock = has_received_time(quality)
        broken = hazard.last is not None and (
            not 0 <= time - hazard.last[0] <= self.stale_ns(hazard.sensor) or clock != hazard.last[2]
        )
        if not any(level.beyond or level.active for level in hazard.levels):
            hazard.sigma = hazard.scatter.sigma()
        for level in hazard.levels:
            was_pending = level.beyond != level.active
            if is_beyond(level.limit, value):
                level.beyond = True
            elif is_back(level.limit, value, hazard.sigma):
                level.beyond = False
            level.look(broken=broken)
            if level.beyond == level.active:
                continue
            if broken or not was_pending:
                level.since, level.lives, level.samples = time, False, 0
            level.samples += 1
            delay = level.limit.on_delay_s if level.beyond else level.limit.off_delay_s
            needs_proof = self.needs_proof_to_raise(hazard) if level.beyond else self.needs_proof_to_end(hazard)
            is_due = time - level.since >= round(delay * S) and level.is_counted()
            if (level.lives or not needs_proof) and is_due:
                level.active = level.beyond
        hazard.last = (time, value, clock)
        if not quality & DOUBTED:
            hazard.scatter.learn(hazard, time, value, clock, self.stale_ns(hazard.sensor))
        return self.show(hazard, time, value)

    def needs_proof_to_raise(self, hazard):
        """Tell whether a dead device is no danger."""
        return hazard.rule.options.live

    def needs_proof_to_end(self, hazard):
        """Return whether a dead device and a living one can be distinguished: its good value is then no all-clear."""
        return self.beat_of(hazard.sensor) is not None

    def prove(self, hazard, time):
        """Let a heartbeat complete the levels that wait for it."""
        if hazard.last is None:
            return []
        last_time, last_value, _ = hazard.last
        for level in hazard.levels:
            if level.beyond == level.active or level.lives or time <= level.since:
                continue
            level.lives = True
            delay = level.limit.on_delay_s if level.beyond else level.limit.off_delay_s
            if last_time >= time and last_time - level.since >= round(delay * S) and level.is_counted():
                level.active = level.beyond
        return self.show(hazard, last_time, last_value)

    def show(self, hazard, time, value):
        """Return the change of an alarm's level, if there is one."""
        before = hazard.shown
        after = max([level.limit.level for level in hazard.levels if level.active], default=0)
        if before == after:
            return []
        if before == 0:
            hazard.episode = time
        hazard.shown = int(after)
        reason = "LIMIT_HELD" if after > before else "BACK_WITHIN"
        return [(hazard.number, time, hazard.episode, before, int(after), value, reason)]

    def is_silent(self, since, stale):
        """Tell whether nothing was heard for too long."""
        patience = 10 * S if self.listening - self.interrupted <= stale else 0
        return self.listening - since > stale + patience

    def fall_silent(self, health):
        """Return the transition to blind, if there is one."""
        if health.blind:
            return []
        heard, time, _ = self.heard.get(health.sensor, (0, None, None))
        unheard = self.is_silent(heard, self.stale_ns(health.sensor))
        stuck = False
        if health.beat is not None:
            advanced, beat_time = self.advanced.get(health.beat, (0, None))
            stuck = self.is_silent(advanced, self.stale_ns(health.beat))
        if unheard:
            reason = "NEVER_SEEN" if time is None else "NO_READING"
            at = self.received if time is None else time + self.stale_ns(health.sensor)
        elif stuck:
            reason = "NO_HEARTBEAT"
            at = self.received if beat_time is None else beat_time + self.stale_ns(health.beat)
        else:
            return []
        if health.changed is not None:
            at = max(at, health.changed + 1)
        health.blind, health.episode, health.changed = True, at, at
        return [(health.number, at, at, 0, 1, None, reason)]

    def go(self, health, time):
        """Return the transition to blind of a device that has gone; readings heard before count no longer."""
        long_ago = self.listening - self.stale_ns(health.sensor) - 1
        if health.sensor in self.heard:
            self.heard[health.sensor] = (long_ago, *self.heard[health.sensor][1:])
        if health.beat in self.advanced:
            long_ago = self.listening - self.stale_ns(health.beat) - 1
            self.advanced[health.beat] = (long_ago, *self.advanced[health.beat][1:])
        if health.blind:
            return []
        at = time if health.changed is None else max(time, health.changed + 1)
        health.blind, health.episode, health.changed = True, at, at
        return [(health.number, at, at, 0, 1, None, "DEVICE_OFFLINE")]

    def hear(self, health, time):
        """Return the transition to seeing, if there is one."""
        if health.online in self.heard and self.heard[health.online][2] == 0:
            return []
        is_fresh = self.is_fresh(self.heard.get(health.sensor), self.stale_ns(health.sensor))
        if health.beat is not None:
            is_fresh &= self.is_fresh(self.advanced.get(health.beat), self.stale_ns(health.beat))
        if not health.blind or not is_fresh:
            return []
        health.blind, health.changed = False, max(time, health.changed)
        return [(health.number, health.changed, health.episode, 1, 0, self.heard[health.sensor][2], "HEARD_AGAIN")]

    def is_fresh(self, heard, stale):
        """Tell whether something was heard within its stale time."""
        return heard is not None and self.listening - heard[0] <= stale


def has_received_time(quality):
    """Tell whether the time is not the device's own."""
    return bool(quality & (Quality.TIME_SERVER | Quality.TIME_FUTURE | Quality.TIME_PAST))


def is_beyond(limit, value):
    """Tell whether `value` begins the condition."""
    return value <= limit.limit if limit.side is Side.LOW else value >= limit.limit


def is_back(limit, value, sigma=0.0):
    """Return whether `value` ends the condition of a sensor with noise `sigma`."""
    deadband = limit.deadband
    if limit.deadband_sigmas:
        deadband = max(deadband, min(limit.deadband_sigmas * sigma, limit.widest))
    if limit.side is Side.LOW:
        return value > limit.limit + deadband
    return value < limit.limit - deadband

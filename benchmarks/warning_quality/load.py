"""How many alarms a city's operators would get: `python -m benchmarks.warning_quality.load FOLDER [NAME ...]`.

Comes in: the folder of the data sets. Goes out: Markdown tables: the announcements of our rule file of each domain in
its recordings. A projection of all of them together to 100,000 sensors follows.

Announced is each notice that the alert's own state gives (docs/alarm-state.md). It is a raised alarm, and each level
higher than any before. An alarm that is back within the settle time or while it chatters is not announced. Nor is one
that another alarm of the same rule at the same asset has announced already. An operator acknowledges in time.

Recordings are made to contain events. All time is the load of a city in which something always happens. Calm time is
nearer to an ordinary day: it lies outside of events and an equal time behind each, at most a day. Between them lies a
city.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alerts.chatter import TransitionCounts, add_transition
from alerts.routing.loading import SETTLE_S
from benchmarks.figures import machine
from benchmarks.warning_quality.episodes import CITY_SENSORS, DAY_S, PER_OPERATOR, Alarm, covered, flood_seconds
from benchmarks.warning_quality.replay import RULES, Recording, replay
from benchmarks.warning_quality.table import SUITES
from config.time_units import DAY_NS, SECOND_NS

_SETTLE_NS = round(SETTLE_S * SECOND_NS)
_AGAIN_NS = 1800 * SECOND_NS
"""An announcement of an asset and a rule is a repeat if it follows this soon after all its alarms. Its level must be
no higher. It comes from another sensor, since its own alarm settles for as long; assumed."""
_SIMULATED_DAYS = 60
MIX: Mapping[str, float] = {
    "methane_aded": 0.36,
    "munich_bridge": 0.36,
    "ltown_resim": 0.15,
    "batadal": 0.11,
    "skab": 0.02,
}
"""Shares of a city's sensors; assumed: those of `benchmarks.lifelines` by the most similar kind. Gas, septic tanks and
the air of tunnels as methane; bridges and slopes as strain; water and fire mains as zone; drains as plant; and two in a
hundred in machines. Series of no domain have no share."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The announcements in one recording."""

    n_sensors: int
    span_ns: tuple[int, int]
    told_ns: NDArray[np.int64]
    """Ascending, within the span."""
    calm_ns: int
    n_calm: int
    """Of them in calm time."""
    n_chattering: int
    """Times that an alarm began to chatter."""
    n_again: int
    """Announced within half an hour after the last alarm of the asset and rule was over, no higher."""
    n_standing: int
    """Alarms that stood for more than a day."""

    @property
    def sensor_days(self) -> float:
        """How much was heard."""
        return (self.span_ns[1] - self.span_ns[0]) / DAY_NS * self.n_sensors

    @property
    def calm_sensor_days(self) -> float:
        """How much of it was calm."""
        return self.calm_ns / DAY_NS * self.n_sensors


def main() -> None:
    """Print the tables of the data sets that the command line names."""
    names = sys.argv[2:] or list(SUITES)
    if len(sys.argv) < 2 or not Path(sys.argv[1]).is_dir() or set(names) - set(SUITES):
        sys.exit(f"usage: python -m benchmarks.warning_quality.load FOLDER [{' | '.join(SUITES)} ...]")
    folder = Path(sys.argv[1])
    desks = {name: list(desks_of(folder / name, name)) for name in names if (folder / name).is_dir()}
    print(f"# {machine()}")
    for line in (*each_line(desks), *pooled_lines(desks)):
        print(line)


def desks_of(folder: Path, name: str) -> Iterator[Desk]:
    """Yield the announcements of our rules in each recording of a data set."""
    rules = RULES / f"{SUITES[name].rules[0]}.yaml"
    for recording in SUITES[name].read(folder):
        yield desk(recording, replay(recording, rules).alarms)


def desk(recording: Recording, alarms: Sequence[Alarm]) -> Desk:
    """Return the announcements of `alarms` in the part of `recording` that is scored."""
    begin_ns, end_ns = recording.scored_ns
    asset_of = {each.id: each.asset for each in recording.register.sensors}
    told_ns, chattering, again = announced(alarms, asset_of)
    told_ns = told_ns[(told_ns >= begin_ns) & (told_ns <= end_ns)]
    busy = [(each.begin_ns, each.end_ns + min(each.end_ns - each.begin_ns, DAY_NS)) for each in recording.events]
    edges = np.unique([begin_ns, end_ns, *(min(max(t, begin_ns), end_ns) for span in busy for t in span)])
    is_busy = covered((edges[1:] + edges[:-1]) // 2, busy)
    return Desk(
        len(recording.register.sensors),
        recording.scored_ns,
        told_ns,
        int(np.diff(edges)[~is_busy].sum()),
        int((~covered(told_ns, busy)).sum()),
        chattering,
        again,
        sum(each.end_ns - each.begin_ns > DAY_NS for each in alarms),
    )


def announced(alarms: Sequence[Alarm], asset_of: Mapping[str, str]) -> tuple[NDArray[np.int64], int, int]:
    """Return times of announcements, int64[n] ascending; how often an alarm began to chatter; how many are repeats.

    Args:
        alarms: with their transitions.
        asset_of: of each sensor; alarms of one asset by one rule are announced as one.

    >>> one = Alarm("x", 0, 9, ((0, 2), (3, 3), (5, 2), (7, 3), (9, 0)), "a/x")
    >>> said = [one, Alarm("y", 4, 8, ((4, 2), (8, 0)), "a/y")]
    >>> announced(said, {"x": "M", "y": "M"})[0].tolist()
    [0, 3]
    """
    incidents: dict[tuple[str, str], list[Alarm]] = {}
    for each in alarms:
        incidents.setdefault((each.key.split("/")[0], asset_of[each.sensor]), []).append(each)
    told: list[int] = []
    n_chattering = n_again = 0
    for members in incidents.values():
        incident = _Incident()
        steps = [(time_ns, i, level) for i, each in enumerate(members) for time_ns, level in each.steps]
        for time_ns, i, level in sorted(steps):
            incident.turn(members[i].key, time_ns, level)
        told += incident.told_ns
        n_chattering += sum(each.chattering for each in incident.tallies.values())
        n_again += incident.n_again
    return np.array(sorted(told), np.int64), n_chattering, n_again


@dataclass(slots=True)
class _Incident:
    """Alarms of one asset that are announced as one, transition by transition."""

    level: dict[str, int] = field(default_factory=dict)
    """Of each alarm now."""
    highest: dict[str, int] = field(default_factory=dict)
    """Of each alarm since its end was announced last."""
    over_ns: dict[str, int] = field(default_factory=dict)
    """When each alarm was last over."""
    tallies: dict[str, TransitionCounts] = field(default_factory=dict)
    told_ns: list[int] = field(default_factory=list)
    n_again: int = 0
    _over: tuple[int, int] = (0, 0)
    """When everything was last over, and the highest level before."""

    def turn(self, key: str, time_ns: int, level: int) -> None:
        """Take one transition."""
        before = self.level.get(key, 0)
        if not before or not level:
            tally = self.tallies.get(key, TransitionCounts(key))
            self.tallies[key] = add_transition(tally, time_ns, time_ns, is_end=not level)
            has_settled = time_ns - self.over_ns.get(key, -_SETTLE_NS) >= _SETTLE_NS
            if level and has_settled and not self.tallies[key].is_chattering:
                self.highest[key] = 0
            if not level:
                self.over_ns[key] = time_ns
        peak = max((each for name, each in self.highest.items() if self.level.get(name)), default=0)
        others = max((each for name, each in self.level.items() if name != key), default=0)
        self.level[key] = level
        if level > max(self.highest.get(key, 0), others):
            is_soon = not any(each for name, each in self.level.items() if name != key) and not before
            self.n_again += is_soon and bool(self._over[0]) and self._is_repeat(time_ns, level)
            self.told_ns.append(time_ns)
        self.highest[key] = max(self.highest.get(key, 0), level)
        if not any(self.level.values()):
            self._over = time_ns, peak

    def _is_repeat(self, time_ns: int, level: int) -> bool:
        return time_ns - self._over[0] <= _AGAIN_NS and level <= self._over[1]


def each_line(desks: Mapping[str, Sequence[Desk]]) -> Iterator[str]:
    """Yield a Markdown table of the data sets."""
    yield (
        "| data set | share of the city | sensor-days | announced | a sensor and day | calm sensor-days | announced in "
        "calm time | a sensor and calm day | chattering | again within 30 min | standing > 24 h |"
    )
    yield "|" + "---|" * 11
    for name, parts in desks.items():
        days, calm = _days(parts, is_calm=False), _days(parts, is_calm=True)
        told, n_calm = sum(len(each.told_ns) for each in parts), sum(each.n_calm for each in parts)
        rest = (sum(getattr(each, what) for each in parts) for what in ("n_chattering", "n_again", "n_standing"))
        share = f"{100 * MIX[name]:.0f} %" if name in MIX else "-"
        cells = [name, share, f"{days:.4g}", told, f"{told / days:.3g}", f"{calm:.4g}", n_calm, rate_text(n_calm, calm)]
        yield f"| {' | '.join(map(str, [*cells, *rest]))} |"


def rate_text(n: int, days: float) -> str:
    """Return a rate a day; where nothing happened, the most that it can be with 95 % certainty.

    >>> rate_text(3, 60.0), rate_text(0, 60.0)
    ('0.05', '0 (< 0.05)')
    """
    return f"{n / max(days, 1e-9):.3g}" if n else f"0 (< {3 / max(days, 1e-9):.3g})"


def pooled_lines(desks: Mapping[str, Sequence[Desk]]) -> Iterator[str]:
    """Yield a Markdown table of the projection: all time, and calm time only."""
    yield ""
    yield (
        "| 100,000 sensors | announced a day | operators at 150 a day | announced a day and operator with one more | "
        "flood, share of an operator's time | goal |"
    )
    yield "|" + "---|" * 6
    for word, is_calm, is_mixed in (
        ("as recorded, all time", False, False),
        ("as recorded, calm time", True, False),
        ("by shares, all time", False, True),
        ("by shares, calm time", True, True),
    ):
        daily = city_daily(desks, is_calm=is_calm, is_mixed=is_mixed)
        n_operators = max(int(np.ceil(daily / PER_OPERATOR)), 1)
        flood = "-" if is_calm else f"{100 * flood_share(desks, n_operators, is_mixed=is_mixed):.2g} %"
        goal = "<= 150, < 1 %"
        yield f"| {word} | {daily:.3g} | {n_operators} | {daily / n_operators:.3g} | {flood} | {goal} |"


def city_daily(desks: Mapping[str, Sequence[Desk]], *, is_calm: bool, is_mixed: bool = True) -> float:
    """Return how much is announced a day in a city of 100,000 sensors.

    Args:
        desks: of each data set; those of no domain count for nothing.
        is_calm: in calm time only.
        is_mixed: each data set has its share of `MIX`; else its share of the recordings.
    """
    total = 0.0
    for name, share in _shares(desks, is_calm=is_calm, is_mixed=is_mixed).items():
        told = sum(each.n_calm if is_calm else len(each.told_ns) for each in desks[name])
        total += share * CITY_SENSORS * told / max(_days(desks[name], is_calm=is_calm), 1e-9)
    return total


def _days(parts: Sequence[Desk], *, is_calm: bool) -> float:
    return sum(each.calm_sensor_days if is_calm else each.sensor_days for each in parts)


def _shares(desks: Mapping[str, Sequence[Desk]], *, is_calm: bool, is_mixed: bool) -> dict[str, float]:
    """Return the shares of the data sets that are there, together 1."""
    known = {
        name: MIX[name] if is_mixed else _days(parts, is_calm=is_calm) for name, parts in desks.items() if name in MIX
    }
    return {name: share / max(sum(known.values()), 1e-9) for name, share in known.items()}


def flood_share(desks: Mapping[str, Sequence[Desk]], n_operators: int, *, is_mixed: bool = True) -> float:
    """Return the share of the time in which one of so many operators has a flood.

    An operator's sensors are whole sites, so many of each data set as its share says. Each site lives through its
    recording again and again for sixty days. It starts at a moment that is drawn (always the same way).
    """
    rng = np.random.default_rng(1)
    span_ns = _SIMULATED_DAYS * DAY_NS
    told: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    for name, share in _shares(desks, is_calm=False, is_mixed=is_mixed).items():
        parts = desks[name]
        wanted = share * CITY_SENSORS / n_operators
        weight = np.array([each.sensor_days for each in parts])
        n_sites = round(wanted / (sum(each.n_sensors for each in parts) / len(parts)))
        chosen = rng.choice(len(parts), size=n_sites, p=weight / weight.sum())
        told += [_lived(parts[i], int(rng.integers(_long(parts[i]))), span_ns) for i in chosen.tolist()]
    return flood_seconds(np.sort(np.concatenate(told))) / (_SIMULATED_DAYS * DAY_S)


def _long(each: Desk) -> int:
    return max(each.span_ns[1] - each.span_ns[0], 1)


def _lived(each: Desk, begin_ns: int, span_ns: int) -> NDArray[np.int64]:
    """Return the times of announcements in `span_ns` of a site that begins its recording at `begin_ns`, then anew."""
    length = _long(each)
    first = (each.told_ns - each.span_ns[0] - begin_ns) % length
    times: NDArray[np.int64] = (first[:, np.newaxis] + length * np.arange(span_ns // length + 1)).ravel()
    return times[times < span_ns]


if __name__ == "__main__":
    main()

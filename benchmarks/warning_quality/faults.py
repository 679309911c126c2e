"""The effect of device faults on warnings: `python -m benchmarks.warning_quality.faults FOLDER [NAME ...]`.

Comes in: the folder of the data sets. Goes out: a Markdown table. Each recording is replayed once as it is, and once
with faults of each kind in its calm parts. Our rule file of its domain judges it, with the health rules beside.

A hazard warning is the fault's own if it is announced in the fault or its aftermath. The aftermath is as long as the
fault. The level must be one that the same alarm did not have in that time without the fault. Where one sensor calls for
its zone, that is one alarm, whichever sensor calls. A fault is recognised if a health alarm of the right kind is raised
while it lasts. The alarm must be of the right sensor. The kinds are: `flat` for a stuck sensor; `stale` for silence (of
every sensor where a gateway is silent); `residual_fault` for a sensor that drifts or is off. A spike should raise no
alarm.
"""

import dataclasses
import sys
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.figures import machine
from benchmarks.warning_quality.episodes import Alarm
from benchmarks.warning_quality.injection import Fault, FaultKind, Plan, inject
from benchmarks.warning_quality.replay import RULES, Heard, Recording, Replayed, commits, replay
from benchmarks.warning_quality.table import SUITES, duration
from collector.decoding.pipeline import RawMessage
from config.time_units import SECOND_NS
from rules.kinds.residual import ResidualOptions
from rules.loading.loading import load_rules
from rules.rule import Rule
from rules.zones.options import Calls

_TICK_NS = 5 * SECOND_NS
"""The longest step that counts in full as time in which somebody listened."""
PLANS: Mapping[str, Plan] = {
    "methane_aded": Plan(8, 120),
    "munich_bridge": Plan(2, 12),
    "ltown_resim": Plan(8, 120),
    "batadal": Plan(6, 120),
    "skab": Plan(1, 60),
    "nab": Plan(1, 120),
}
HEALTH = RULES / "health.yaml"
_RIGHT: Mapping[FaultKind, str] = {
    FaultKind.STUCK: "flat",
    FaultKind.DRIFT: "residual_fault",
    FaultKind.OFFSET: "residual_fault",
    FaultKind.DROPOUT: "stale",
    FaultKind.GATEWAY: "stale",
}
_HEAD = (
    "data set | fault | injected | hazard warnings from it | faults with one | recognised | in time, median | p90 | "
    "no word at all | health alarms of others | always quiet: hazard warnings, recognised, no word"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of the rules for one fault."""

    hazards: int
    """Hazard warnings that it caused."""
    recognised_s: float
    """Time from its begin to the health alarm of the right kind; NaN if never."""
    n_words: int
    """Health alarms of its sensors."""
    n_blamed: int
    """Health alarms of others."""


def main() -> None:
    """Print the table of the data sets that the command line names."""
    names = sys.argv[2:] or list(PLANS)
    if len(sys.argv) < 2 or not Path(sys.argv[1]).is_dir() or set(names) - set(PLANS):
        sys.exit(f"usage: python -m benchmarks.warning_quality.faults FOLDER [{' | '.join(PLANS)} ...]")
    print(f"# {machine()}\n| {_HEAD} |\n|" + "---|" * (_HEAD.count("|") + 1))
    for name in names:
        if (Path(sys.argv[1]) / name).is_dir():
            recordings = SUITES[name].read(Path(sys.argv[1]) / name)
            for line in lines(name, recordings, RULES / f"{SUITES[name].rules[0]}.yaml", PLANS[name]):
                print(line, flush=True)


def lines(name: str, recordings: Sequence[Recording], rules: Path, plan: Plan) -> Iterator[str]:
    """Yield a line of the table for each kind of fault in `recordings`."""
    found: dict[FaultKind, list[Verdict]] = {kind: [] for kind in FaultKind}
    for recording in recordings:
        for kind, verdicts in judged(recording, rules, plan).items():
            found[kind] += verdicts
    for kind, verdicts in found.items():
        yield _line(name, kind, verdicts)


def judged(recording: Recording, rules: Path, plan: Plan) -> dict[FaultKind, list[Verdict]]:
    """Return the verdict of the rules on each fault of each kind in `recording`."""
    files = (
        load_rules(rules, recording.register, recording.quantities),
        load_rules(HEALTH, recording.register, recording.quantities),
    )
    kind_of = {rule.id: rule.kind for file in files for rule in file}
    told_as_one = frozenset(rule.id for file in files for rule in file if _calls_for_zone(rule))
    clean = replay(recording, rules, HEALTH)
    verdicts: dict[FaultKind, list[Verdict]] = {}
    for kind in FaultKind:
        faulty, faults = inject(recording, kind, plan)
        silences = [each for each in faults if each.kind in {FaultKind.DROPOUT, FaultKind.GATEWAY}]
        got = replay(faulty, rules, HEALTH, heard=listened(faulty, silences)) if faults else clean
        verdicts[kind] = [verdict(recording, each, clean, got, kind_of, told_as_one) for each in faults]
    return verdicts


def _calls_for_zone(rule: Rule) -> bool:
    return isinstance(rule.options, ResidualOptions) and rule.options.zone.calls is Calls.LEADER


def verdict(
    recording: Recording,
    fault: Fault,
    clean: Replayed,
    got: Replayed,
    kind_of: Mapping[str, str],
    told_as_one: Container[str] = (),
) -> Verdict:
    """Return the verdict on `fault`, from the alarms without it and with it.

    Args:
        recording: without the fault.
        fault: of it.
        clean: alarms without the fault.
        got: alarms with the fault.
        kind_of: each rule.
        told_as_one: rules whose alarms are one, whoever calls.
    """
    begin_ns, end_ns = int(recording.time_ns[fault.first]), int(recording.time_ns[fault.end - 1])
    span_ns = begin_ns, int(recording.time_ns[fault.until - 1])
    own = {recording.register.sensors[number].id for number in fault.sensors}
    new = _new(got.faults, clean.faults, span_ns)
    said = [
        (each, time_ns)
        for each, time_ns in new
        if kind_of[each.key.split("/")[0]] == _RIGHT.get(fault.kind) and time_ns <= end_ns
    ]
    # A sensor that is silent already cannot raise `stale` again.
    right = {
        each.sensor: 0.0
        for each in got.faults
        if kind_of[each.key.split("/")[0]] == _RIGHT.get(fault.kind) and each.begin_ns < begin_ns < each.end_ns
    }
    for each, time_ns in said:
        right.setdefault(each.sensor, (time_ns - begin_ns) / 1e9)
    is_told = bool(said) and own <= set(right)
    words = sum(each.sensor in own for each, _ in new)
    return Verdict(
        len(_new(got.alarms, clean.alarms, span_ns, told_as_one)),
        max(right[name] for name in own) if is_told else float("nan"),
        words,
        len(new) - words,
    )


def _new(
    alarms: Sequence[Alarm], before: Sequence[Alarm], span_ns: tuple[int, int], told_as_one: Container[str] = ()
) -> list[tuple[Alarm, int]]:
    """Return alarms that are raised or rise in the span to a level new to that alarm there; with the time."""
    known: dict[str, int] = {}
    for each in before:
        if each.begin_ns <= span_ns[1] and each.end_ns >= span_ns[0]:
            name = _name(each, told_as_one)
            known[name] = max(known.get(name, 0), _highest(each, span_ns))
    return [
        (each, time_ns)
        for each in sorted(alarms, key=lambda one: one.begin_ns)
        for time_ns, level in _rises(each)
        if span_ns[0] <= time_ns <= span_ns[1] and level > known.get(_name(each, told_as_one), 0)
    ]


def _name(alarm: Alarm, told_as_one: Container[str]) -> str:
    """Return the key that tells this alarm from others."""
    rule = alarm.key.split("/")[0]
    return rule if rule in told_as_one else alarm.key


def _rises(alarm: Alarm) -> Iterator[tuple[int, int]]:
    before = 0
    for time_ns, level in alarm.steps:
        if level > before:
            yield time_ns, level
        before = level


def _highest(alarm: Alarm, span_ns: tuple[int, int]) -> int:
    """Return the highest level that `alarm` had in the span."""
    ends = [*(time_ns for time_ns, _ in alarm.steps[1:]), alarm.end_ns]
    parts = zip(alarm.steps, ends, strict=True)
    return max((level for (begin, level), end in parts if begin <= span_ns[1] and end >= span_ns[0]), default=0)


def listened(recording: Recording, silences: Sequence[Fault]) -> Heard:
    """Yield the messages of `recording`; in faults of silence row by row, with the ticks of the intake between."""
    begin = 0
    for each in silences:
        yield from commits(_part(recording, begin, each.first))
        yield from _row_by_row(recording, each.first, each.end)
        begin = each.end
    yield from commits(_part(recording, begin, len(recording.time_ns)))


def _row_by_row(recording: Recording, first: int, end: int) -> Iterator[tuple[int, list[RawMessage]]]:
    now_ns = int(recording.time_ns[first - 1]) + SECOND_NS
    for row in range(first, end):
        until_ns = int(recording.time_ns[row])
        while now_ns + _TICK_NS < until_ns:
            now_ns += _TICK_NS
            yield now_ns, []
        for now_ns, messages in commits(_part(recording, row, row + 1)):
            yield now_ns, messages


def _part(recording: Recording, begin: int, end: int) -> Recording:
    return dataclasses.replace(recording, time_ns=recording.time_ns[begin:end], value=recording.value[begin:end])


def _line(name: str, kind: FaultKind, verdicts: Sequence[Verdict]) -> str:
    times_s = np.array([each.recognised_s for each in verdicts])
    told = times_s[~np.isnan(times_s)]
    n = len(verdicts)
    quiet = sum(each.hazards + each.n_words + each.n_blamed == 0 for each in verdicts)
    cells = [
        name,
        str(kind),
        str(n),
        str(sum(each.hazards for each in verdicts)),
        str(sum(each.hazards > 0 for each in verdicts)),
        f"{len(told)}/{n}" if kind in _RIGHT else "-",
        *(duration(float(np.quantile(told, q))) if len(told) else "-" for q in (0.5, 0.9)),
        f"{quiet}/{n}",
        str(sum(each.n_blamed for each in verdicts)),
        f"0, {f'0/{n}' if kind in _RIGHT else '-'}, {n}/{n}",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()

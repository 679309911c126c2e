"""The entries of a data set as a section of a Markdown page: table, our line, best peer.

Comes in: entries. Goes out: text.
"""

from collections.abc import Iterator, Sequence

from benchmarks.warning_quality.peers.all import PEERS, version_of
from benchmarks.warning_quality.table import HOLD_ROWS, Entry, Sort, Suite, duration

HEAD = (
    "rules or detector | whose | events | false episodes | precision | false/sensor-day | operators | delay median | "
    "delay p90 | level in time | normal time in alarm | chatter | flood min | merit | makers' score | faults told | "
    "us/reading"
)
_COLUMNS = HEAD.count("|") + 1


def section(name: str, suite: Suite, found: Sequence[Entry], about: str) -> str:
    """Return the section of one data set; `about` gives the date and the machine of the figures."""
    parts = [f"## {name}", "", f"Goal: {suite.goal}. {about}", "", f"| {HEAD} |", "|" + "---|" * _COLUMNS]
    parts += [line(each) for each in found]
    parts += ["", *(f"- {each}" for each in beside(suite, found)), "", f"![{name}]({name}.png)", ""]
    return "\n".join(parts)


def line(entry: Entry) -> str:
    """Return one line of the table."""
    if entry.refused:
        return f"| {entry.name} | {entry.sort} |" + " - |" * (_COLUMNS - 4) + f" {entry.refused} | - |"
    got = entry.score
    cells = [
        f"**{entry.name}**" if entry.sort is Sort.OURS else entry.name,
        entry.sort,
        f"{got.found}/{got.events}",
        str(got.false_episodes),
        f"{got.precision:.2f}",
        f"{got.false_per_sensor_day:.3g}",
        f"{got.operators:.3g}",
        duration(got.delay_s(0.5)),
        duration(got.delay_s(0.9)),
        f"{got.level_right}/{got.level_asked}" if got.level_asked else "-",
        percent(entry),
        str(got.chatter),
        f"{got.flood_s / 60:.0f}",
        f"{entry.rank:.2f}" if 0 <= entry.rank <= 1 else f"{entry.rank:.1f}",
        entry.own,
        str(entry.faults) if entry.sort in {Sort.OURS, Sort.PLAIN} else "-",
        f"{entry.cpu_us:.2g}" if entry.cpu_us >= 0 else "-",
    ]
    return f"| {' | '.join(cells)} |"


def percent(entry: Entry) -> str:
    """Return the share of the normal time in which an alarm stands."""
    return f"{100 * entry.score.standing_s / max(entry.score.normal_s, 1e-9):.0f} %"


def best(found: Sequence[Entry]) -> Entry | None:
    """Return the peer that ranks first."""
    return max((each for each in found if _judges(each)), key=lambda each: each.rank, default=None)


def calmest(found: Sequence[Entry]) -> Entry | None:
    """Return the peer with the fewest false episodes of those that find as many events as ours, or None.

    One that stands for most of the normal time finds events only by standing: it is left out.
    """
    ours = found[0].score
    able = [
        each
        for each in found
        if _judges(each) and each.score.found >= ours.found and 2 * each.score.standing_s < each.score.normal_s
    ]
    return min(able, key=lambda each: (each.score.false_episodes, each.score.delay_s(0.5)), default=None)


def _judges(entry: Entry) -> bool:
    return entry.sort is Sort.PEER and not entry.refused


def beside(suite: Suite, found: Sequence[Entry]) -> Iterator[str]:
    """Yield the goal, ours, the best peer, and the calmest of those that find as much."""
    yield f"goal: {suite.goal}"
    yield f"ours: {short(found[0])}"
    first, calm = best(found), calmest(found)
    yield f"best peer: {short(first) if first else 'none'}"
    yield f"fewest false of the peers that find as many: {short(calm) if calm else 'none'}"


def short(entry: Entry) -> str:
    """Return the main figures of an entry in a few words."""
    got = entry.score
    own = f", {entry.own}" if entry.own != "-" else ""
    levels = f", {got.level_right}/{got.level_asked} levels in time" if got.level_asked else ""
    false = f"{got.false_episodes} false episodes ({got.false_per_sensor_day:.3g} a sensor and day)"
    delay = f"median {duration(got.delay_s(0.5))}, {percent(entry)} of the normal time in alarm"
    return f"{entry.name}: {got.found}/{got.events}, {false}, {delay}{levels}{own}"


def peers_section() -> str:
    """Return a description of each detector of others."""
    lines = [
        "## Detectors of others",
        "",
        f"One setting for all data sets. *held*: with an off-delay of {HOLD_ROWS} readings, where that ranks better.",
        "",
        "| detector | from | setting |",
        "|---|---|---|",
    ]
    lines += [f"| {each.name} | {version_of(each) or 'not installed'} | {each.setting} |" for each in PEERS]
    return "\n".join([*lines, ""])

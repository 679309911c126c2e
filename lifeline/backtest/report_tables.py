"""The result of a back-test as tables of text in one language, for the terminal and for the report.

Input: a `BacktestResult`.
Output: `ReportTable`s.
Not responsible for: HTML and the width of terminals.
Rejects: nothing.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from statistics import median

from alerts.notification import NotificationKind
from config.levels import WarningLevel
from lifeline.backtest.alarm_load import ALARMS_A_DAY, FLOOD_ALARMS, FLOOD_SHARE, AlarmLoad
from lifeline.backtest.difference import DifferenceKind, EpisodeChange, HistoryDifference
from lifeline.backtest.episodes import Episode
from lifeline.backtest.known_incidents import IncidentScore
from lifeline.backtest.report_words import term
from lifeline.backtest.run import BacktestResult, RuleSetResult
from lifeline.text.formats import clock_text
from lifeline.text.words import Language

LEVELS = sorted((level for level in WarningLevel if level > WarningLevel.GREEN), reverse=True)


@dataclass(frozen=True, slots=True)
class Cell:
    """One text, with the level that gives its colour."""

    text: str
    level: str = ""
    is_bad: bool = False
    """Beyond its goal."""


@dataclass(frozen=True, slots=True)
class ReportTable:
    """One table."""

    key: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class DisplayNames:
    """Kinds of channels, names of people, and the time zone."""

    sms: Collection[str]
    """Names of the channels that send SMS."""
    people: dict[str, str]
    """Contact id to name."""
    zone: tzinfo
    """The time zone of the city."""
    most_rows: int = 1000
    """Rows of one table, at most."""


def build_tables(result: BacktestResult, names: DisplayNames, lang: Language) -> list[ReportTable]:
    """Return every table of the report, most important first."""
    here, there = result.tried, result.running
    found = [
        _tabulate_difference(result.difference, lang),
        _tabulate_load(here, there, names, lang),
        _tabulate_levels(here.load, there.load, lang),
        _tabulate_shifts(here.load, there.load, lang),
        _tabulate_recipients(here, there, names, lang),
        _tabulate_bad_actors(here.load, lang),
        _tabulate_days(here.load, there.load, lang),
    ]
    if here.score and there.score:
        found[1:1] = [_tabulate_incidents(here.score, there.score, lang), _tabulate_findings(here.score, names, lang)]
    if result.difference.changes:
        found.append(_tabulate_changes("changes", result.difference.changes, names, lang))
    if result.health.changes:
        found.append(_tabulate_changes("health_changes", result.health.changes, names, lang))
    return found


def format_table(table: ReportTable) -> Iterator[str]:
    """Yield the lines of a terminal; columns are as wide as their widest cell."""
    rows = [table.columns, *([cell.text for cell in row] for row in table.rows)]
    widths = [max(_measure_width(row[i]) for row in rows) for i in range(len(table.columns))]
    yield f"{table.title}:"
    for row in rows:
        cells = (text + " " * (width - _measure_width(text)) for text, width in zip(row, widths, strict=True))
        yield f"  {'  '.join(cells).rstrip()}"
    if table.note:
        yield f"  {table.note}"


def count_sms(side: RuleSetResult, sms: Collection[str]) -> int:
    """Return how many SMS messages one rule set causes, reminders left out."""
    return sum(n for (_, channel, _), n in side.messages.items() if channel in sms)


def format_episode(episode: Episode | None, zone: tzinfo, lang: Language) -> str:
    """Return the way of an episode: time and level of each transition."""
    if episode is None:
        return "-"
    steps = [
        f"{clock_text(time_ns, zone, millis=True)} {_format_level(level, lang)}"
        for time_ns, level in episode.transitions
    ]
    return " → ".join([*steps, *([] if episode.end_ns else [term("stands", lang)])])


def _measure_width(text: str) -> int:
    """Return columns in a terminal: a Chinese sign takes two."""
    return sum(1 + (ord(sign) > 0x2E7F) for sign in text)


def _make_table(
    key: str, lang: Language, columns: Sequence[str], rows: Sequence[Sequence[Cell]], note: str = ""
) -> ReportTable:
    return ReportTable(key, term(key, lang), tuple(term(each, lang) for each in columns), tuple(map(tuple, rows)), note)


def _tabulate_difference(found: HistoryDifference, lang: Language) -> ReportTable:
    rows = [[Cell(term("same", lang)), Cell(f"{found.same}")]]
    rows += [[Cell(term(kind.value, lang)), Cell(f"{found.count(kind)}")] for kind in DifferenceKind]
    return _make_table("difference", lang, ("sort", "number"), rows)


def _tabulate_load(here: RuleSetResult, there: RuleSetResult, names: DisplayNames, lang: Language) -> ReportTable:
    def row(key: str, mine: float, theirs: float, goal: float | None = None, form: str = "{:.0f}") -> list[Cell]:
        pair = [Cell(form.format(each), is_bad=goal is not None and each > goal) for each in (mine, theirs)]
        return [Cell(term(key, lang)), *pair, Cell("" if goal is None else f"≤ {form.format(goal)}")]

    a, b = here.load, there.load
    rows = [
        row("episodes", a.episodes, b.episodes),
        row("announcements", a.announcements, b.announcements),
        row("a_day", a.a_day, b.a_day, ALARMS_A_DAY, "{:.1f}"),
        row("peak", a.peak_10_minutes, b.peak_10_minutes, FLOOD_ALARMS),
        row("flood_minutes", a.flood_minutes, b.flood_minutes),
        row("flood_share", a.flood_share, b.flood_share, FLOOD_SHARE, "{:.2%}"),
        row("chattering", a.chattering, b.chattering, 0),
        row("fleeting", a.fleeting, b.fleeting, 0),
        row("standing", a.standing, b.standing),
        row("most_standing", a.most_standing, b.most_standing, 5),
        row("faults", here.faults, there.faults),
        row("sms", count_sms(here, names.sms), count_sms(there, names.sms)),
    ]
    return _make_table("load", lang, ("figure", "tried", "running", "goal"), rows)


def _tabulate_levels(here: AlarmLoad, there: AlarmLoad, lang: Language) -> ReportTable:
    rows = [
        [
            Cell(_format_level(level, lang), level.key),
            *(
                Cell(f"{n} ({n / load.episodes:.0%})" if load.episodes else f"{n}")
                for load in (here, there)
                for n in (load.by_level.get(level, 0),)
            ),
        ]
        for level in LEVELS
    ]
    return _make_table("levels", lang, ("level", "tried", "running"), rows)


def _tabulate_shifts(here: AlarmLoad, there: AlarmLoad, lang: Language) -> ReportTable:
    rows = [
        [Cell(term(f"shift_{name}", lang)), Cell(f"{here.by_shift[name]}"), Cell(f"{there.by_shift[name]}")]
        for name in ("day", "night")
    ]
    return _make_table("shifts", lang, ("shift", "tried", "running"), rows)


def _tabulate_recipients(here: RuleSetResult, there: RuleSetResult, names: DisplayNames, lang: Language) -> ReportTable:
    def counts(side: RuleSetResult) -> Counter[tuple[str, str]]:
        found: Counter[tuple[str, str]] = Counter()
        for (contact, channel, kind), n in side.messages.items():
            if kind != NotificationKind.REMINDED:
                found[contact, channel] += n
        return found

    mine, theirs = counts(here), counts(there)
    order = sorted({**mine, **theirs}, key=lambda key: (-mine[key], key))
    rows = [
        [
            Cell(names.people.get(contact, contact)),
            Cell(channel),
            *(Cell(f"{n[contact, channel]}") for n in (mine, theirs)),
        ]
        for contact, channel in order[: names.most_rows]
    ]
    return _make_table(
        "recipients", lang, ("recipient", "channel", "tried", "running"), rows, _format_rest(order, names, lang)
    )


def _tabulate_bad_actors(load: AlarmLoad, lang: Language) -> ReportTable:
    rows = [
        [
            Cell(actor.alarm),
            Cell(f"{actor.episodes}"),
            Cell(f"{actor.episodes / load.episodes:.0%}"),
            Cell(f"{actor.chattering}"),
        ]
        for actor in load.bad_actors
    ]
    return _make_table("actors", lang, ("alarm", "episodes", "share", "chattering"), rows)


def _tabulate_days(here: AlarmLoad, there: AlarmLoad, lang: Language) -> ReportTable:
    days = sorted({**here.by_day, **there.by_day})

    def cells(load: AlarmLoad, day: str) -> Cell:
        found = load.by_day.get(day, {})
        parts = [f"{_format_level(level, lang)} {found[level]}" for level in LEVELS if found.get(level)]
        return Cell(f"{sum(found.values())}" + (f" ({', '.join(parts)})" if parts else ""))

    rows = [[Cell(day), cells(here, day), cells(there, day)] for day in days]
    return _make_table("days", lang, ("day", "tried", "running"), rows)


def _tabulate_incidents(here: IncidentScore, there: IncidentScore, lang: Language) -> ReportTable:
    def lead(score: IncidentScore) -> Cell:
        leads = [finding.lead_s for finding in score.findings if finding.lead_s is not None]
        return Cell(format_duration(median(leads)) if leads else term("none", lang))

    rows = [
        [Cell(term("hits", lang)), Cell(f"{here.hits}"), Cell(f"{there.hits}")],
        [Cell(term("misses", lang)), *(Cell(f"{each.misses}", is_bad=each.misses > 0) for each in (here, there))],
        [Cell(term("lead_median", lang)), lead(here), lead(there)],
        [Cell(term("beside", lang)), Cell(f"{here.beside}"), Cell(f"{there.beside}")],
    ]
    if here.repeated + here.avoided:
        repeated = [Cell(f"{each.repeated}", is_bad=each.repeated > 0) for each in (here, there)]
        rows.append([Cell(term("repeated", lang)), *repeated])
        rows.append([Cell(term("avoided", lang)), Cell(f"{here.avoided}"), Cell(f"{there.avoided}")])
    return _make_table("incidents", lang, ("figure", "tried", "running"), rows)


def _tabulate_findings(score: IncidentScore, names: DisplayNames, lang: Language) -> ReportTable:
    rows = []
    for finding in score.findings[: names.most_rows]:
        incident = finding.incident
        lead = (
            Cell(term("missed", lang), is_bad=True) if finding.lead_s is None else Cell(format_duration(finding.lead_s))
        )
        span = f"{clock_text(incident.start_ns, names.zone)} - {clock_text(incident.end_ns, names.zone)}"
        rows.append([Cell(incident.place), Cell(span), Cell(finding.alarm or "-"), lead])
    note = _format_rest(score.findings, names, lang)
    return _make_table("findings", lang, ("place", "span", "alarm", "lead"), rows, note)


def _tabulate_changes(key: str, changes: Sequence[EpisodeChange], names: DisplayNames, lang: Language) -> ReportTable:
    rows = [
        [
            Cell(change.episode.alarm),
            Cell(term(change.kind.value, lang)),
            Cell(format_episode(change.tried, names.zone, lang)),
            Cell(format_episode(change.running, names.zone, lang)),
        ]
        for change in changes[: names.most_rows]
    ]
    return _make_table(key, lang, ("alarm", "sort", "tried", "running"), rows, _format_rest(changes, names, lang))


def _format_rest(rows: Sequence[object], names: DisplayNames, lang: Language) -> str:
    left = len(rows) - names.most_rows
    return term("left_out", lang).format(n=left) if left > 0 else ""


def _format_level(level: int, lang: Language) -> str:
    if not level:
        return term("green", lang)
    named = WarningLevel(level)
    return named.colour_zh if lang == "zh" else named.key


def format_duration(seconds: float) -> str:
    """Return a length of time with its sign as `+1 d 02:03:04`."""
    sign, rest = ("-" if seconds < 0 else "+"), abs(round(seconds))
    days, rest = divmod(rest, 86_400)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{sign}{days} d {clock}" if days else f"{sign}{clock}"

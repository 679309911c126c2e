"""I/O: `lifeline backtest`: another rules file over the past, beside the running rules.

Input: arguments.
Output: tables on the terminal, and one HTML file.
Not responsible for: the stores of the district; it only reads them.
Rejects: a time without a zone, an empty span, two sources at once, a missing file.
"""

import contextlib
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from alerts.links import SignedLinks
from alerts.planning.alert_context import PlanningConfig
from collector.batch import ReadingBatch
from collector.history.opening import open_history
from collector.journal.reader import JournalReader
from collector.payload import PayloadError
from collector.wire.timestamps import rfc3339_to_ns
from config.loading import load_settings
from lifeline.backtest.csv_files import read_csv_files
from lifeline.backtest.known_incidents import KnownIncident, parse_incidents
from lifeline.backtest.ledger_labels import read_labelled_incidents
from lifeline.backtest.recorded_readings import TimeSpan, read_history, read_journal_batches
from lifeline.backtest.report import format_span, render_report, summarize
from lifeline.backtest.report_tables import DisplayNames, build_tables, format_table
from lifeline.backtest.run import BacktestResult, run_backtest
from lifeline.backtest.stream import BatchStream
from lifeline.configuration import Configuration, load_configuration
from lifeline.reports.ledgers import open_ledger_for_lookup
from lifeline.start_error import StartError
from lifeline.text.words import Language, parse_language
from rules.loading.loading import load_rules
from rules.rule import RuleSet

_WEEK_NS = 7 * 86_400 * 10**9
LEDGER = "ledger"
"""The value of `--labels` for the labels of alerts in the ledger."""
_LINKS = SignedLinks("http://127.0.0.1", b"")
"""Messages are counted, not sent: their links lead nowhere."""


def backtest(
    rules: Annotated[Path, typer.Argument(help="Rules file to try, or a folder with rules.yaml.")],
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Settings file of the district.")] = None,
    *,
    begin: Annotated[str | None, typer.Option("--from", help="From this time, e.g. 2025-03-24T00:00+08:00.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Up to this time.")] = None,
    csv: Annotated[list[Path] | None, typer.Option(help="CSV with time,sensor,value; repeatable.")] = None,
    journal: Annotated[bool, typer.Option("--journal", help="The journal instead of the history.")] = False,
    labels: Annotated[
        list[str] | None,
        typer.Option(help="Known incidents: a table asset,sensor,from,to,level, or `ledger`; repeatable."),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write one HTML page to this file.")] = None,
    lang: Annotated[str, typer.Option(help="zh or en.")] = "zh",
) -> None:
    """Judge the past by other rules: alarm load, messages, the exact difference to the rules of now, hits and misses.

    Without --csv and --journal the past is the district's history, by default its last seven days.
    """
    configuration = load_configuration(load_settings(config))
    ruleset = load_rules(rules, configuration.register, configuration.quantities)
    incidents = [each for name in labels or () for each in _load_incidents(name, configuration)]
    span, tongue = _parse_span(begin, end, is_open=bool(csv) or journal), parse_language(lang)
    with contextlib.ExitStack() as undo:
        past = _open_past(configuration, csv or [], span, undo, is_journal=journal)
        result = _run(configuration, ruleset, past, incidents, span)
    names = _make_names(configuration, tongue)
    for line in _format_lines(result, names, tongue):
        typer.echo(line)
    if report is not None:
        versions = ruleset.version, configuration.ruleset.version
        report.write_text(render_report(result, names, versions, tongue), encoding="utf-8")
        typer.echo(f"\n{report}")


def with_other_rules(configuration: Configuration, ruleset: RuleSet) -> PlanningConfig:
    """Return the district of `configuration` with other rules; messages lead nowhere."""
    return PlanningConfig(configuration.register, configuration.quantities, ruleset, configuration.routes, _LINKS)


def _run(
    configuration: Configuration,
    ruleset: RuleSet,
    past: Iterable[ReadingBatch],
    incidents: list[KnownIncident],
    span: TimeSpan,
) -> BacktestResult:
    tried, running = (with_other_rules(configuration, each) for each in (ruleset, configuration.ruleset))
    with Progress(console=Console(stderr=True)) as progress:
        is_bounded = span.start_ns and span.end_ns < TimeSpan().end_ns
        task = progress.add_task("back-test", total=(span.end_ns - span.start_ns) / 1e9 if is_bounded else None)
        shown_s = 0.0

        def seen(received_ns: int) -> None:
            nonlocal shown_s
            now_s = time.monotonic()
            if now_s - shown_s > 0.2:
                shown_s = now_s
                progress.update(task, completed=(received_ns - span.start_ns) / 1e9)

        return run_backtest(tried, running, past, incidents, seen)


def _open_past(
    configuration: Configuration, csv: list[Path], span: TimeSpan, undo: contextlib.ExitStack, *, is_journal: bool
) -> Iterator[ReadingBatch]:
    """Return the batches of one of the three sources; `undo` closes it."""
    register, settings = configuration.register, configuration.settings
    if csv and is_journal:
        raise StartError("--csv and --journal: expected one of them, got both; leave one out")
    if is_journal:
        if not settings.journal.path.is_file():
            raise StartError(f"journal {settings.journal.path}: expected a file, got none; name its settings file")
        reader = JournalReader(settings.journal.path, register.sensor_ids)
        undo.callback(reader.close)
        return read_journal_batches(reader, span)
    if csv:
        return BatchStream(register).batches(read_csv_files(csv, register, configuration.quantities, span))
    past = settings.history
    if past.kind == "sqlite" and not past.path.is_file():
        raise StartError(f"history {past.path}: expected a file, got none; name its settings file, or give --csv")
    history = open_history(past, register)
    undo.callback(history.close)
    return BatchStream(register).batches(read_history(history, register, span))


def _format_lines(result: BacktestResult, names: DisplayNames, lang: Language) -> Iterator[str]:
    yield format_span(result, lang)
    yield summarize(result, lang)
    for table in build_tables(result, names, lang):
        yield ""
        yield from format_table(table)


def _make_names(configuration: Configuration, lang: Language) -> DisplayNames:
    contacts = configuration.register.contacts.values()
    return DisplayNames(
        sms=frozenset(channel.name for channel in configuration.settings.channels if channel.kind == "sms"),
        people={each.id: each.name_zh if lang == "zh" else each.name_en for each in contacts},
        zone=configuration.register.city.zone,
    )


def _load_incidents(name: str, configuration: Configuration) -> list[KnownIncident]:
    if name == LEDGER:
        labels = open_ledger_for_lookup(configuration.settings.ledger.url).labels
        found, gone = read_labelled_incidents(labels, configuration.register, time.time_ns())
        if gone:
            typer.echo(f"labels: {gone} alerts of places that are not in the register are left out", err=True)
        return found
    path = Path(name)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"{path}: expected a readable table of incidents, got {error}") from error
    return parse_incidents(text, str(path), configuration.register)


def _parse_span(begin: str | None, end: str | None, *, is_open: bool) -> TimeSpan:
    """Return the span asked for; of a history the last week where nothing is said."""
    if is_open:
        return TimeSpan(_parse_time("--from", begin) or 0, _parse_time("--to", end) or TimeSpan().end_ns)
    end_ns = _parse_time("--to", end) or time.time_ns()
    found = TimeSpan(_parse_time("--from", begin) or end_ns - _WEEK_NS, end_ns)
    if found.end_ns <= found.start_ns:
        raise StartError(f"--to {end}: expected a time behind --from, got {begin}; exchange them")
    return found


def _parse_time(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return rfc3339_to_ns(text)
    except PayloadError as error:
        raise StartError(f"{option} {text}: {error}; write e.g. 2025-03-24T08:00:00+08:00") from error

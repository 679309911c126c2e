"""I/O: the command line: run, try, look back, repair, and change a district.

Input: arguments.
Output: a running program, or text and an exit code: 0 well, 1 not.
Not responsible for: the work of each command.
Rejects: wrong configuration and arguments; the message has the remedy and no traceback.
"""

import functools
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, ParamSpec

import typer
from rich.console import Console
from rich.progress import Progress

from collector.dead_letter import DeadLetterReason
from collector.journal.reader import JournalReader
from config.errors import ConfigError
from config.loading import load_settings
from config.merging import differences
from lifeline.commands.alerts import make_alerts_commands
from lifeline.commands.backtest import backtest
from lifeline.commands.check import describe_configuration, describe_size
from lifeline.commands.outage_capacity import describe_outage_capacity
from lifeline.commands.quarantine import PasswordFile, Username, make_account, make_quarantine_commands
from lifeline.commands.rules import make_rules_commands
from lifeline.commands.simulate import SimulationOptions, run_simulation
from lifeline.configuration import Configuration, load_configuration
from lifeline.demo.play import DemoOptions, run_demo
from lifeline.district.importing import export_assets, export_table, import_into
from lifeline.district.republishing import describe_result, republish
from lifeline.logs import configure_logs
from lifeline.reports.alert_chain import read_chain
from lifeline.reports.coverage import Grouping, count_coverage, count_whole_city, format_coverage
from lifeline.reports.dead_letter_lines import format_dead_letter
from lifeline.reports.evidence import describe_evidence, find_alert_id
from lifeline.reports.explain import format_explanation
from lifeline.reports.ledgers import open_ledger_for_lookup
from lifeline.reports.replay import compare_with_ledger, find_replay_start, replay_events
from lifeline.rules_stage.live_engine import LiveEngine
from lifeline.runtime.gc_tuning import pause_gc
from lifeline.runtime.reload import run_with_reload
from lifeline.start_error import StartError
from lifeline.text.words import parse_language
from rules.engine import RuleEngine

P = ParamSpec("P")

ConfigPath = Annotated[Path | None, typer.Option("--config", "-c", help="Settings file; LIFELINE_* overrides it.")]


def app() -> None:
    """Run the command line of this process."""
    make_command_line()()


def make_command_line() -> typer.Typer:
    """Return the command line; nothing is read or started before it is called."""
    line = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    line.callback()(_describe)
    for command in (run, demo, simulate, check, coverage, replay, backtest, explain):
        line.command()(_report_errors(command))
    line.command("dead-letters")(_report_errors(dead_letters))
    line.command("import")(_report_errors(import_district))
    line.command("export")(_report_errors(export_district))
    line.add_typer(make_quarantine_commands(_report_errors), name="quarantine")
    line.add_typer(make_rules_commands(_report_errors), name="rules")
    line.add_typer(make_alerts_commands(_report_errors), name="alerts")
    return line


def run(config: ConfigPath = None) -> None:
    """Run collector, rules, alerts and console until SIGTERM or Ctrl-C; SIGHUP loads the district again."""
    settings = load_settings(config)
    configure_logs(settings.log.format, settings.log.level, sys.stderr)
    stopping, reloading = _stop_on_signal(), _watch_signals(signal.SIGHUP)
    with pause_gc():
        configuration = load_configuration(settings)
    code = run_with_reload(configuration, lambda: load_configuration(settings), stopping, reloading)
    raise typer.Exit(code)


def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="Play the story, check it, exit 0 or 1.")] = False,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    console_port: Annotated[int, typer.Option(help="Port of the console; 0 takes a free one.")] = 0,
    inbox_port: Annotated[int, typer.Option(help="Port of the SMS inbox; 0 takes a free one.")] = 0,
    keep: Annotated[Path | None, typer.Option(help="Folder to keep the files in; default: a temporary one.")] = None,
) -> None:
    """Play a whole district in one program: broker, devices, collector, rules, SMS inbox, console."""
    raise typer.Exit(run_demo(DemoOptions(once, host, console_port, inbox_port, keep), _stop_on_signal()))


def simulate(
    config: ConfigPath = None,
    *,
    seed: Annotated[int, typer.Option(help="The same seed is the same district.")] = 1,
    scenario: Annotated[list[str] | None, typer.Option(help="name or name@asset, starting now; repeatable.")] = None,
    script: Annotated[bool, typer.Option(help="Play every scenario at its own time.")] = False,
    seconds: Annotated[float | None, typer.Option(help="End after this long; default: Ctrl-C.")] = None,
    truth: Annotated[Path | None, typer.Option(help="Write what really happens to this file.")] = None,
) -> None:
    """Publish a simulated district to the broker of the settings."""
    options = SimulationOptions(seed, tuple(scenario or ()), script, seconds, truth)
    raise typer.Exit(run_simulation(load_settings(config), options, _stop_on_signal()))


def check(config: ConfigPath = None) -> None:
    """Load all configuration; print every problem, or the watched sensors and the longest outages."""
    configuration = load_configuration(load_settings(config))
    lines = describe_configuration(configuration.register, configuration.ruleset)
    for line in (*lines, *describe_outage_capacity(configuration.register, configuration.settings)):
        typer.echo(line)


def coverage(
    config: ConfigPath = None,
    *,
    by: Annotated[Grouping, typer.Option(help="What the counts are of.")] = Grouping.DOMAIN,
) -> None:
    """Print the sensors alive, blind and never seen, as of the last snapshot in the ledger."""
    configuration = load_configuration(load_settings(config))
    register = configuration.register
    live_engine = LiveEngine(RuleEngine(configuration.ruleset, register))
    position = live_engine.restore(open_ledger_for_lookup(configuration.settings.ledger.url).snapshot())
    live_engine.publish()
    typer.echo(f"as of journal position {position}")
    rows = [
        *count_coverage(register, live_engine.state.health, by),
        count_whole_city(register, live_engine.state.health),
    ]
    for text in format_coverage(rows):
        typer.echo(text)


def replay(
    journal: Annotated[Path | None, typer.Argument(help="Journal file; default: that of the settings.")] = None,
    config: ConfigPath = None,
    *,
    compare_with: Annotated[
        str | None, typer.Option("--compare", help="Ledger URL, or `settings` for that of the settings.")
    ] = None,
) -> None:
    """Evaluate a journal again: alarm events as JSON lines, or whether they equal those of a ledger.

    Only events of the current configuration are compared; events of earlier ones are named and left out.
    """
    configuration = load_configuration(load_settings(config))
    reader = _open_journal(configuration, journal)
    if compare_with is None:
        typer.echo("judged whole with the configuration of now, whichever was in force then", err=True)
        for line in replay_events(reader, configuration.register, configuration.ruleset):
            typer.echo(line)
        return
    ledger = open_ledger_for_lookup(configuration.settings.ledger.url if compare_with == "settings" else compare_with)
    start = find_replay_start(reader, ledger, configuration.version)
    result = compare_with_ledger(reader, ledger, configuration.register, configuration.ruleset, start)
    if result.after:
        typer.echo(f"not compared: up to position {result.after}, of another configuration or not replayable", err=True)
    if result.difference is None:
        span = f"behind position {result.after} up to {result.until}"
        typer.echo(f"equal: {result.events} events {span}, configuration {configuration.version}")
        return
    typer.echo(f"different at event {result.difference.number}")
    typer.echo(f"  replay: {result.difference.replayed or '(none)'}")
    typer.echo(f"  ledger: {result.difference.stored or '(none)'}")
    raise typer.Exit(1)


def explain(
    alert: Annotated[str, typer.Argument(help="Alert id, as on the console and in the ledger, or rule/sensor.")],
    config: ConfigPath = None,
    *,
    lang: Annotated[str, typer.Option(help="zh or en.")] = "zh",
) -> None:
    """Print the chain of one alert: reading, rule, alarm, alert, notifications; and the rule's inputs and state then.

    Of an alarm, written rule/sensor, it is the last alert.
    """
    configuration = load_configuration(load_settings(config))
    ledger = open_ledger_for_lookup(configuration.settings.ledger.url)
    chain = read_chain(ledger, find_alert_id(ledger, alert))
    if chain is None:
        typer.echo(
            f"alert {alert}: expected an id of the ledger, got none such; see the console or /api/alerts", err=True
        )
        raise typer.Exit(1)
    typer.echo(format_explanation(chain, configuration.register, configuration.ruleset, parse_language(lang)))
    journal = _open_journal(configuration, None) if configuration.settings.journal.path.is_file() else None
    for text in describe_evidence(chain, configuration, ledger, journal, parse_language(lang)):
        typer.echo(text)


def dead_letters(
    config: ConfigPath = None,
    *,
    reason: Annotated[DeadLetterReason | None, typer.Option(help="Only those refused for this reason.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many, newest first.")] = 100,
    retry: Annotated[bool, typer.Option("--retry", help="Publish them again, oldest first.")] = False,
    username: Username = None,
    password_file: PasswordFile = None,
) -> None:
    """List refused messages with their reasons; --retry publishes them to the broker again."""
    configuration = load_configuration(load_settings(config))
    letters = _open_journal(configuration, None).dead_letters(limit, reason)
    if retry:
        result = republish(letters, configuration.settings.mqtt, make_account(username, password_file))
        typer.echo(describe_result(result))
        raise typer.Exit(1 if result.refused else 0)
    for letter in letters:
        typer.echo(format_dead_letter(letter))


def import_district(
    sources: Annotated[list[Path], typer.Argument(help="CSV or GeoJSON files, or folders of them.")],
    into: Annotated[Path, typer.Option("--into", help="District folder; it is made when it does not exist.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, write nothing.")] = False,
) -> None:
    """Put rows into a district folder: new keys are added, known ones replaced; all or nothing."""
    with pause_gc(), Progress(console=Console(stderr=True)) as progress:
        imported = import_into(into, sources, progress, dry_run=dry_run)
    for text in differences(imported.merges):
        typer.echo(text)
    typer.echo(f"{'would be' if dry_run else 'is'} a district of {describe_size(imported.register)}")


def export_district(
    folder: Annotated[Path, typer.Argument(help="District folder.")],
    target: Annotated[Path, typer.Argument(help="File to write: .csv, or .geojson for assets.")],
    *,
    table: Annotated[str, typer.Option(help="Which file of the district.")] = "assets",
) -> None:
    """Write one table of a district as CSV, or its assets as GeoJSON."""
    is_map = target.suffix in (".geojson", ".json")
    n_rows = export_assets(folder, target) if is_map else export_table(folder, table, target)
    typer.echo(f"{n_rows} rows in {target}")


def _describe() -> None:
    """Lifeline: telemetry and warning system for a city's lifelines."""


def _open_journal(configuration: Configuration, path: Path | None) -> JournalReader:
    path = path or configuration.settings.journal.path
    if not path.is_file():
        raise StartError(f"journal {path}: expected a file, got none; name the journal or its settings file")
    return JournalReader(path, configuration.register.sensor_ids)


def _stop_on_signal() -> threading.Event:
    return _watch_signals(signal.SIGTERM, signal.SIGINT)


def _watch_signals(*numbers: signal.Signals) -> threading.Event:
    """Return an event that is set when one of the signals comes."""
    came = threading.Event()
    for number in numbers:
        signal.signal(number, lambda _number, _frame: came.set())
    return came


def _report_errors(command: Callable[P, None]) -> Callable[P, None]:
    @functools.wraps(command)
    def run_reporting(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except ConfigError as error:
            for problem in error.problems:
                typer.echo(str(problem), err=True)
            typer.echo(f"{len(error.problems)} problem(s); nothing was started or written", err=True)
            raise typer.Exit(1) from None
        except StartError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from None

    return run_reporting

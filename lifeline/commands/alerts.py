"""I/O: `lifeline alerts`: label an alert after the event, and list the labels.

Input: arguments.
Output: labels in the ledger, and text.
Not responsible for: messages that were sent; they stay.
Rejects: an unknown alert, a long cause, an empty name.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from alerts.ledger.ledger import MAX_CAUSE, Disposition, Label
from config.city_time import CityTime
from config.loading import load_settings
from lifeline.reports.evidence import find_alert_id
from lifeline.reports.explain import format_label
from lifeline.reports.ledgers import open_ledger_for_lookup
from lifeline.start_error import StartError
from lifeline.text.words import parse_language

CommandWrapper = Callable[[Callable[..., None]], Callable[..., None]]

ConfigPath = Annotated[Path | None, typer.Option("--config", "-c", help="Settings file; LIFELINE_* overrides it.")]


def make_alerts_commands(for_people: CommandWrapper) -> typer.Typer:
    """Return the commands, each wrapped so that errors of a person are shown without a traceback."""
    line = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    line.callback()(_describe)
    line.command("label")(for_people(label_alert))
    line.command("labels")(for_people(list_labels))
    return line


def label_alert(
    alert: Annotated[str, typer.Argument(help="Alert id, or rule/sensor for the last alert of that alarm.")],
    config: ConfigPath = None,
    *,
    disposition: Annotated[Disposition, typer.Option("--as", help="What it turned out to be.")],
    by: Annotated[str, typer.Option(help="Who says so.")],
    cause: Annotated[str, typer.Option(help="Why it came, in a line.")] = "",
    whole: Annotated[bool, typer.Option("--incident", help="All alerts of its incident.")] = False,
) -> None:
    """Label an alert: true, false, test or maintenance; the last label counts, earlier ones are kept."""
    ledger = open_ledger_for_lookup(load_settings(config).ledger.url)
    found = ledger.alerts.find(find_alert_id(ledger, alert))
    if found is None:
        raise StartError(f"alert {alert}: expected an id of the ledger, got none such; see the console or /api/alerts")
    if len(cause) > MAX_CAUSE or not by.strip():
        raise StartError(f"--cause and --by: expected at most {MAX_CAUSE} characters and a name; shorten or add it")
    others = ledger.alerts.read_incident(found) if whole else ()
    now_ns = time.time_ns()
    for each in (found, *others):
        is_new = ledger.labels.add(Label(each.id, disposition, cause, by.strip(), now_ns))
        typer.echo(f"{each.id} {each.subject}: {disposition}{'' if is_new else ' (said before)'}")


def list_labels(config: ConfigPath = None, *, lang: Annotated[str, typer.Option(help="zh or en.")] = "zh") -> None:
    """List every labelled alert with the last word on it."""
    settings = load_settings(config)
    ledger, zone = open_ledger_for_lookup(settings.ledger.url), CityTime(settings.time_zone).zone
    for alert, last in ledger.labels.read_labelled_alerts():
        typer.echo(f"{alert.id} {alert.subject}  {format_label(last, zone, parse_language(lang))}")


def _describe() -> None:
    """Label alerts after the event, and list the labels."""

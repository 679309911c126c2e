"""I/O: `lifeline rules`: test rules, list them, print the schema for editors.

Input: arguments.
Output: text and an exit code: 0 well, 1 not.
Not responsible for: changing a rule.
Rejects: test files with mistakes, all in one list.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from config.errors import ConfigError
from config.loading import load_settings
from lifeline.commands.rule_rows import list_rules
from lifeline.commands.rule_tests import RuleTestSuite, load_suite
from lifeline.configuration import load_configuration
from rules.loading.schema import rules_schema, schema_of_tests
from rules.testing.runner import TestOutcome

CommandWrapper = Callable[[Callable[..., None]], Callable[..., None]]

ConfigPath = Annotated[Path | None, typer.Option("--config", "-c", help="Settings file; LIFELINE_* overrides it.")]


def make_rules_commands(for_people: CommandWrapper) -> typer.Typer:
    """Return the commands, each wrapped so that errors of a person are shown without a traceback."""
    line = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    line.callback()(_describe)
    line.command("test")(for_people(run_tests))
    line.command("list")(for_people(list_all))
    line.command("schema")(for_people(print_schema))
    return line


def run_tests(
    files: Annotated[list[Path], typer.Argument(help="Files of rule tests.")],
    *,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show what happened in good tests too.")] = False,
) -> None:
    """Run the tests of rules in files; exit 1 when an expected transition is missing or another one happens."""
    problems = []
    n_tests = n_failed = 0
    for path in files:
        try:
            suite = load_suite(path)
        except ConfigError as error:
            problems += error.problems
            continue
        for number in range(len(suite.tests)):
            outcome = suite.outcome(number)
            n_tests, n_failed = n_tests + 1, n_failed + (not outcome.is_passed)
            _print_outcome(suite, number, outcome, verbose=verbose)
    if problems:
        raise ConfigError(problems)
    typer.echo(f"{n_tests} tests, {n_failed} failed")
    raise typer.Exit(1 if n_failed else 0)


def list_all(config: ConfigPath = None) -> None:
    """List the rules of the district by kind: levels, how many sensors each watches, where it comes from."""
    configuration = load_configuration(load_settings(config))
    for text in list_rules(configuration.ruleset):
        typer.echo(text)


def print_schema(
    *,
    tests: Annotated[bool, typer.Option("--tests", help="Of files of rule tests instead.")] = False,
) -> None:
    """Print the JSON Schema of a district's rules file, for editors."""
    typer.echo(json.dumps(schema_of_tests() if tests else rules_schema(), ensure_ascii=False, indent=2))


def _describe() -> None:
    """Test rules, list them, print their schema."""


def _print_outcome(suite: RuleTestSuite, number: int, outcome: TestOutcome, *, verbose: bool) -> None:
    # Colours only where somebody looks: typer leaves them out of pipes and files.
    word, colour = ("ok    ", typer.colors.GREEN) if outcome.is_passed else ("FAILED", typer.colors.RED)
    place = f"{suite.document.file}:{suite.line(number)}"
    typer.echo(f"{typer.style(word, fg=colour)} {place} {outcome.name}")
    if outcome.is_passed and not verbose:
        return
    for line in outcome.lines:
        shade = {"-": typer.colors.RED, "+": typer.colors.GREEN}.get(line.mark)
        typer.echo(f"  {typer.style(str(line), fg=shade)}")
    if not outcome.is_passed:
        typer.echo("  (- expected, + happened)")

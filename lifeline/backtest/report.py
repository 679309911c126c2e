"""I/O: one self-contained HTML file of a back-test; plots, colours and words are inside.

Input: a `BacktestResult`.
Output: HTML without links and without a script.
Not responsible for: the figures.
Rejects: nothing.
"""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lifeline.backtest.plots import plot_days, plot_differences
from lifeline.backtest.report_tables import LEVELS, DisplayNames, build_tables
from lifeline.backtest.report_words import term
from lifeline.backtest.run import BacktestResult
from lifeline.text.formats import clock_text
from lifeline.text.words import Language


def render_report(result: BacktestResult, names: DisplayNames, versions: tuple[str, str], lang: Language) -> str:
    """Return the page.

    Args:
        result: the result of the back-test.
        names: names of people and channels.
        versions: of the tried and of the running rules.
        lang: its language.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(
        lang=lang,
        term=lambda key: term(key, lang),
        verdict=summarize(result, lang),
        span=format_span(result, lang),
        versions=versions,
        levels=LEVELS,
        plots=(("plot_days", plot_days(result)), ("plot_difference", plot_differences(result))),
        tables=build_tables(result, names, lang),
    )


def summarize(result: BacktestResult, lang: Language) -> str:
    """Return the one sentence at the top."""
    if not result.start_ns:
        return term("nothing", lang)
    if not result.difference.changes and not result.health.changes:
        return term("verdict_same", lang)
    load = result.tried.load
    words = {"here": load.episodes, "there": result.running.load.episodes, "a_day": load.a_day}
    return term("verdict", lang).format(**words)


def format_span(result: BacktestResult, lang: Language) -> str:
    """Return the span of time with its days and readings."""
    zone = result.city.zone
    edges = f"{clock_text(result.start_ns, zone)} - {clock_text(result.end_ns, zone)}"
    return f"{edges} · {term('span_text', lang).format(days=result.days, readings=result.readings)}"

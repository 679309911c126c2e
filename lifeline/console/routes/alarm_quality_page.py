"""I/O: the page `/quality`: alarms that chatter or are fleeting.

Input: requests.
Output: one HTML page.
Not responsible for: counting; `alerts.chatter` does.
Rejects: nothing.
"""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from alerts.chatter import TransitionCounts
from lifeline.console.context import ConsoleContext
from lifeline.console.rendering import Pages, read_language
from lifeline.text.formats import clock_text
from lifeline.text.words import Language

_WORST = 100
"""Alarms on the page; assumed: whoever mends ten comes back."""


class AlarmQualityRoutes:
    """The page `/quality`."""

    def __init__(self, context: ConsoleContext, pages: Pages) -> None:
        self._context, self._pages = context, pages
        self.router = APIRouter()
        self.router.add_api_route("/quality", self.page, response_class=HTMLResponse)

    def page(self, request: Request) -> Response:
        """Return the alarms that turn too often, the worst first."""
        context, lang = self._context, read_language(request)
        tallies = context.ledger.transition_counts.read_worst(_WORST)
        values = {
            "rows": [self._make_row(tally, lang) for tally in tallies],
            "updated": context.updated_text() or "—",
        }
        return self._pages.page("quality.html", request, values)

    def _make_row(self, tally: TransitionCounts, lang: Language) -> dict[str, object]:
        context = self._context
        rule_id, _, sensor_id = tally.alarm.partition("/")
        rule, number = context.rule(rule_id), context.register.sensor_index.get(sensor_id)
        return {
            "alarm": tally.alarm,
            "title": (rule.title_zh if lang == "zh" else rule.title_en) if rule else rule_id,
            "asset": "" if number is None else context.register.sensors[number].asset,
            "chattering": tally.chattering,
            "fleeting": tally.fleeting,
            "turns": tally.transitions,
            "latest": clock_text(tally.latest_ns, context.zone),
        }

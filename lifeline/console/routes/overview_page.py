"""I/O: the overview: each asset with its level and data health, and the open alerts.

Input: requests for `/`.
Output: one HTML page.
Not responsible for: computing levels; `lifeline.reports.asset_rows` does.
Rejects: nothing.
"""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from lifeline.console.cards import make_alert_card
from lifeline.console.context import ConsoleContext
from lifeline.console.rendering import Pages, read_language
from lifeline.reports.asset_rows import count_levels, list_asset_rows
from lifeline.text.formats import clock_text


class OverviewRoutes:
    """The page `/`."""

    def __init__(self, context: ConsoleContext, pages: Pages) -> None:
        self._context, self._pages = context, pages
        self.router = APIRouter(default_response_class=HTMLResponse)
        self.router.add_api_route("/", self.overview)

    def overview(self, request: Request) -> Response:
        """Return every asset by level with its data health, and the open alerts."""
        context, lang = self._context, read_language(request)
        rows = list_asset_rows(context.register, context.alarms, context.live_state())
        alerts = sorted(context.ledger.alerts.read_open(), key=lambda alert: (-alert.level, -alert.opened_ns))
        values = {
            "rows": rows,
            "counts": list(count_levels(rows).items()),
            "alerts": [make_alert_card(alert, context, lang) for alert in alerts],
            "system": self._describe_system(),
            "updated": context.updated_text(),
        }
        return self._pages.page("overview.html", request, values)

    def _describe_system(self) -> dict[str, object]:
        health = self._context.health()
        alarms = [
            {
                "name": alarm.symptom.name,
                "since": clock_text(alarm.since_ns, self._context.zone),
                "detail": alarm.symptom.detail,
            }
            for alarm in health.alarms
        ]
        return {"well": health.is_well, "alarms": alarms}

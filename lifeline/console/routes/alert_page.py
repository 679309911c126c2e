"""I/O: the page of one alert: its chain from reading to phone, its labels and the decisions about it.

Input: requests for `/alerts/{id}`.
Output: one HTML page with the forms to acknowledge and to label.
Not responsible for: the forms; `acknowledge` and `label_form` take them.
Rejects: an id that is not in the ledger, with 404.
"""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from lifeline.console.cards import make_alert_card, read_chain_card
from lifeline.console.context import ConsoleContext
from lifeline.console.rendering import Pages, read_language
from lifeline.console.routes.label_form import read_label_values


class AlertRoutes:
    """The pages `/alerts/{id}`."""

    def __init__(self, context: ConsoleContext, pages: Pages) -> None:
        self._context, self._pages = context, pages
        self.router = APIRouter(default_response_class=HTMLResponse)
        self.router.add_api_route("/alerts/{alert_id}", self.alert)

    def alert(self, alert_id: str, request: Request) -> Response:
        """Return one alert with its chain and the decisions about it."""
        context, lang = self._context, read_language(request)
        alert = context.ledger.alerts.find(alert_id)
        if alert is None:
            return self._pages.problem("not_found", 404)
        others = context.ledger.alerts.read_incident(alert)
        values = {
            "alert": make_alert_card(alert, context, lang),
            **read_label_values(alert_id, context, lang),
            "incident": [make_alert_card(other, context, lang) for other in others],
            "chain": read_chain_card(alert_id, context, lang),
            "updated": context.updated_text(),
        }
        return self._pages.page("alert.html", request, values)

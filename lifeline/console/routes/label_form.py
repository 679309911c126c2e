"""I/O: the form on the page of an alert that labels it: true, false, test or maintenance.

Input: a form.
Output: labels in the ledger, and the earlier labels for the page.
Not responsible for: the meaning of a label for a back-test.
Rejects: a name without a message about the alert, a long cause, a forged form.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from alerts.alert import Alert
from alerts.ledger.ledger import MAX_CAUSE, Disposition, Label
from lifeline.console.cards import OPERATOR, find_contact_name
from lifeline.console.context import ConsoleContext
from lifeline.console.forms import form_fields
from lifeline.console.rendering import Pages, read_language
from lifeline.console.security import is_form_proof
from lifeline.reports.explain import format_label
from lifeline.text.words import Language

_log = structlog.get_logger()


class LabelRoutes:
    """The form on the page of an alert."""

    def __init__(self, context: ConsoleContext, pages: Pages) -> None:
        self._context, self._pages = context, pages
        self.router = APIRouter()
        self.router.add_api_route("/alerts/{alert_id}/label", self.record_label, methods=["POST"])

    def record_label(
        self, alert_id: str, request: Request, fields: Annotated[dict[str, str], Depends(form_fields)]
    ) -> Response:
        """Record the label of an alert, or of its whole incident, in the name that the operator chose."""
        context = self._context
        alert = context.ledger.alerts.find(alert_id)
        if alert is None:
            return self._pages.problem("not_found", 404)
        if not (_is_valid(alert, fields) and is_form_proof(context.links.secret, alert_id, fields.get("proof", ""))):
            return self._pages.problem("link_bad", 403)
        said, cause, contact = Disposition(fields["disposition"]), fields.get("cause", "").strip(), fields["contact"]
        others = context.ledger.alerts.read_incident(alert) if fields.get("whole") else ()
        for each in (alert, *others):
            if context.ledger.labels.add(Label(each.id, said, cause, contact, context.clock_ns())):
                _log.info("alert_labelled", alert=each.id, label=said.value, contact=contact)
        return RedirectResponse(f"/alerts/{alert_id}?lang={read_language(request)}", 303)


def read_label_values(alert_id: str, context: ConsoleContext, lang: Language) -> Mapping[str, object]:
    """Return the labels for the page of an alert, and the choices of its form."""
    said = context.ledger.labels.read(alert_id)
    named = (replace(each, contact=find_contact_name(each.contact, context, lang)) for each in said)
    return {
        "labels": [format_label(each, context.zone, lang) for each in named],
        "dispositions": [each.value for each in Disposition],
        "max_cause": MAX_CAUSE,
    }


def _is_valid(alert: Alert, fields: Mapping[str, str]) -> bool:
    contact = fields.get("contact", "")
    is_known = contact == OPERATOR or contact in {each.contact for each in alert.recipients}
    is_word = fields.get("disposition", "") in {each.value for each in Disposition}
    return is_known and is_word and len(fields.get("cause", "")) <= MAX_CAUSE

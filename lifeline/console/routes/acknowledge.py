"""I/O: acknowledgements: by the link of a message, and by the button on the console.

Input: signed tokens of links, and forms of the console's own pages.
Output: acknowledgements in the ledger; a page for any phone, without script. GET shows, POST acknowledges.
Not responsible for: making the links; `alerts.links` does.
Rejects: a false token, an expired link, a forged form. GET never acknowledges, because link previews open every link.
"""

import re
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from alerts.links import MAX_AGE_NS, verify
from alerts.notification import Delivery
from lifeline.console.cards import OPERATOR, choose_shown_level, find_contact_name, read_ending_key
from lifeline.console.context import ConsoleContext
from lifeline.console.forms import form_fields
from lifeline.console.rendering import Pages, read_language
from lifeline.console.security import is_form_proof
from lifeline.text.formats import clock_text

_log = structlog.get_logger()


class AcknowledgeRoutes:
    """`/a/{token}` needs no log-in: each link is its own proof. `/alerts/{id}/acknowledge` is the console's button."""

    def __init__(self, context: ConsoleContext, pages: Pages) -> None:
        self._context, self._pages = context, pages
        self.router = APIRouter(default_response_class=HTMLResponse)
        self.router.add_api_route("/a/{token}", self.show, methods=["GET", "HEAD"])
        self.router.add_api_route("/a/{token}", self.acknowledge_by_link, methods=["POST"])
        self.router.add_api_route("/alerts/{alert_id}/acknowledge", self.acknowledge_on_console, methods=["POST"])

    def show(self, token: str, request: Request) -> Response:
        """Return the alert behind `token` with its button; changes nothing."""
        delivery = self._find_delivery(token)
        if delivery is None:
            return self._reject(request)
        if self._is_expired(delivery):
            return self._pages.problem("link_bad", 410)
        return self._render_alert(delivery)

    def acknowledge_by_link(
        self, token: str, request: Request, _fields: Annotated[dict[str, str], Depends(form_fields)]
    ) -> Response:
        """Record that the bearer of `token` has received the alert, and show it."""
        delivery = self._find_delivery(token)
        if delivery is None:
            return self._reject(request)
        if self._is_expired(delivery):
            return self._pages.problem("link_bad", 410)
        notification = delivery.notification
        is_first = self._context.ledger.alerts.acknowledge(
            notification.alert, notification.contact, self._context.clock_ns(), notification.id
        )
        if is_first:
            _log.info("acknowledged", alert=notification.alert, contact=notification.contact, by="link")
        return RedirectResponse(request.url.path, 303)

    def acknowledge_on_console(
        self, alert_id: str, request: Request, fields: Annotated[dict[str, str], Depends(form_fields)]
    ) -> Response:
        """Record an acknowledgement in the name that the operator chose."""
        context = self._context
        alert = context.ledger.alerts.find(alert_id)
        if alert is None:
            return self._pages.problem("not_found", 404)
        contact = fields.get("contact", "")
        is_known = contact == OPERATOR or contact in {each.contact for each in alert.recipients}
        if not is_known or not is_form_proof(context.links.secret, alert_id, fields.get("proof", "")):
            return self._pages.problem("link_bad", 403)
        if context.ledger.alerts.acknowledge(alert_id, contact, context.clock_ns()):
            _log.info("acknowledged", alert=alert_id, contact=contact, by="console")
        return RedirectResponse(f"/alerts/{alert_id}?lang={read_language(request)}", 303)

    def _find_delivery(self, token: str) -> Delivery | None:
        notification = verify(self._context.links.secret, token)
        return None if notification is None else self._context.ledger.outbox.find(notification)

    def _is_expired(self, delivery: Delivery) -> bool:
        return self._context.clock_ns() - delivery.notification.created_ns > MAX_AGE_NS

    def _reject(self, request: Request) -> Response:
        return self._pages.too_many(request) or self._pages.problem("link_bad", 404)

    def _render_alert(self, delivery: Delivery) -> Response:
        alert = self._context.ledger.alerts.find(delivery.notification.alert)
        if alert is None:
            return self._pages.problem("link_bad", 404)
        asset = self._context.register.assets.get(alert.asset)
        card = {
            "asset_zh": asset.name_zh if asset else alert.asset,
            "asset_en": asset.name_en if asset else alert.asset,
            "level": choose_shown_level(alert),
            "text": self._text_without_link(delivery),
            "ending": read_ending_key(alert, self._context),
            "acknowledged": delivery.acknowledged_ns is not None,
            "acknowledged_by": find_contact_name(delivery.notification.contact, self._context, "zh"),
            "acknowledged_at": clock_text(delivery.acknowledged_ns or 0, self._context.zone),
        }
        return self._pages.phone_page("acknowledge.html", {"alert": card})

    def _text_without_link(self, delivery: Delivery) -> str:
        """Return the message without its last words, the label and the link: the button stands in their place."""
        link = self._context.links.acknowledge_link(delivery.notification.id)
        return re.sub(rf"[^。.]*{re.escape(link)}\s*$", "", delivery.notification.text)

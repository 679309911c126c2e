"""I/O: the page behind the link in a message, and the address that a gateway calls with its delivery reports.

Comes in: signed tokens. Goes out: a plain page that works on any phone without script; GET shows, POST acknowledges.
Refuses to act on GET, because link previews open every link.
"""

import re
import time
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from alerts.links import MAX_AGE_NS, verify
from alerts.notification import Delivery
from alerts.outbox.delivery_reports import ReceiptError, read_receipt
from lifeline.console.cards import contact_name, ending_of, shown_level
from lifeline.console.context import ConsoleContext
from lifeline.console.forms import form_fields
from lifeline.console.rendering import Pages
from lifeline.console.security import FailureLimit
from lifeline.text.formats import clock_text

_log = structlog.get_logger()


class PhoneRoutes:
    """Routes that need no login because each link is its own proof."""

    def __init__(self, context: ConsoleContext, pages: Pages) -> None:
        self._context, self._pages = context, pages
        self._failures = FailureLimit()
        self.router = APIRouter()
        self.router.add_api_route("/a/{token}", self.show, methods=["GET", "HEAD"], response_class=HTMLResponse)
        self.router.add_api_route("/a/{token}", self.acknowledge, methods=["POST"], response_class=HTMLResponse)
        for method in ("GET", "POST"):
            self.router.add_api_route("/receipts/{channel}/{token}", self.receipt, methods=[method])

    def show(self, token: str, request: Request) -> Response:
        """Return the alert behind `token` with its button; changes nothing."""
        delivery = self._delivery(token)
        if delivery is None:
            return self._refused(request)
        if self._is_expired(delivery):
            return self._pages.problem("link_bad", 410)
        return self._page(delivery)

    def acknowledge(
        self, token: str, request: Request, _fields: Annotated[dict[str, str], Depends(form_fields)]
    ) -> Response:
        """Record that the bearer of `token` has received the alert, and show it."""
        delivery = self._delivery(token)
        if delivery is None:
            return self._refused(request)
        if self._is_expired(delivery):
            return self._pages.problem("link_bad", 410)
        notification = delivery.notification
        is_first = self._context.ledger.alerts.acknowledge(
            notification.alert, notification.contact, self._context.clock_ns(), notification.id
        )
        if is_first:
            _log.info("acknowledged", alert=notification.alert, contact=notification.contact, by="link")
        return RedirectResponse(request.url.path, 303)

    def receipt(self, channel: str, token: str, request: Request) -> Response:
        """Store a gateway's delivery report; the answer tells the gateway not to come back."""
        try:
            receipt = read_receipt(self._context.links.secret, token, request.query_params.get("status", ""))
        except ReceiptError as error:
            _log.warning("receipt_refused", channel=channel, reason=str(error))
            return self._too_many(request) or PlainTextResponse("receipt refused", 404)
        self._context.ledger.outbox.record_receipt(receipt, self._context.clock_ns())
        return PlainTextResponse("ok")

    def _delivery(self, token: str) -> Delivery | None:
        notification = verify(self._context.links.secret, token)
        return None if notification is None else self._context.ledger.outbox.find(notification)

    def _is_expired(self, delivery: Delivery) -> bool:
        return self._context.clock_ns() - delivery.notification.created_ns > MAX_AGE_NS

    def _refused(self, request: Request) -> Response:
        return self._too_many(request) or self._pages.problem("link_bad", 404)

    def _too_many(self, request: Request) -> Response | None:
        client = request.client.host if request.client else ""
        return self._pages.problem("too_many", 429) if self._failures.fail(client, time.monotonic()) else None

    def _page(self, delivery: Delivery) -> Response:
        alert = self._context.ledger.alerts.find(delivery.notification.alert)
        if alert is None:
            return self._pages.problem("link_bad", 404)
        asset = self._context.register.assets.get(alert.asset)
        card = {
            "asset_zh": asset.name_zh if asset else alert.asset,
            "asset_en": asset.name_en if asset else alert.asset,
            "level": shown_level(alert),
            "text": self._text_without_link(delivery),
            "ending": ending_of(alert, self._context),
            "acknowledged": delivery.acknowledged_ns is not None,
            "acknowledged_by": contact_name(delivery.notification.contact, self._context, "zh"),
            "acknowledged_at": clock_text(delivery.acknowledged_ns or 0, self._context.zone),
        }
        return self._pages.phone_page("acknowledge.html", {"alert": card})

    def _text_without_link(self, delivery: Delivery) -> str:
        """Return the message without its last words, the label and the link: the button stands in their place."""
        link = self._context.links.acknowledge_link(delivery.notification.id)
        return re.sub(rf"[^。.]*{re.escape(link)}\s*$", "", delivery.notification.text)

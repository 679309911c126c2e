"""I/O: the address that a gateway calls with its delivery reports.

Input: signed tokens, and the status that the gateway sends.
Output: receipts in the outbox, and an answer that ends the gateway's tries.
Not responsible for: missing receipts; `alerts.outbox` handles them.
Rejects: a false token or an unknown status, with 404.
"""

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from alerts.outbox.delivery_reports import ReceiptError, read_receipt
from lifeline.console.context import ConsoleContext
from lifeline.console.rendering import Pages

_log = structlog.get_logger()


class ReceiptRoutes:
    """The address `/receipts/{channel}/{token}`."""

    def __init__(self, context: ConsoleContext, pages: Pages) -> None:
        self._context, self._pages = context, pages
        self.router = APIRouter()
        for method in ("GET", "POST"):
            self.router.add_api_route("/receipts/{channel}/{token}", self.receipt, methods=[method])

    def receipt(self, channel: str, token: str, request: Request) -> Response:
        """Store a gateway's delivery report; the answer tells the gateway not to come back."""
        try:
            receipt = read_receipt(self._context.links.secret, token, request.query_params.get("status", ""))
        except ReceiptError as error:
            _log.warning("receipt_refused", channel=channel, reason=str(error))
            return self._pages.too_many(request) or PlainTextResponse("receipt refused", 404)
        self._context.ledger.outbox.record_receipt(receipt, self._context.clock_ns())
        return PlainTextResponse("ok")

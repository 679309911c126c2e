"""I/O: the console as one ASGI application, built from its context; nothing is global.

Input: `ConsoleContext`.
Output: a FastAPI application.
Not responsible for: the socket; `lifeline.console.server` has it.
Rejects: unknown addresses with 404; while the ledger is away, with 503.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from alerts.store.errors import LedgerUnavailableError
from config.levels import WarningLevel
from lifeline.console.context import ConsoleContext
from lifeline.console.rendering import Pages
from lifeline.console.routes.acknowledge import AcknowledgeRoutes
from lifeline.console.routes.alarm_quality_page import AlarmQualityRoutes
from lifeline.console.routes.alert_page import AlertRoutes
from lifeline.console.routes.asset_page import AssetRoutes
from lifeline.console.routes.coverage_page import CoverageRoutes
from lifeline.console.routes.device_pages import DeviceRoutes
from lifeline.console.routes.json_api import ApiRoutes
from lifeline.console.routes.label_form import LabelRoutes
from lifeline.console.routes.overview_page import OverviewRoutes
from lifeline.console.routes.probes import ProbeRoutes
from lifeline.console.routes.quarantine_page import QuarantineRoutes
from lifeline.console.routes.receipt_callback import ReceiptRoutes
from lifeline.console.security import HEADERS


def make_console(context: ConsoleContext) -> FastAPI:
    """Return the application with all its routes."""
    application = FastAPI(title="Lifeline", openapi_url=None, docs_url=None, redoc_url=None)
    pages = Pages()
    for routes in (
        OverviewRoutes(context, pages),
        AssetRoutes(context, pages),
        AlertRoutes(context, pages),
        AcknowledgeRoutes(context, pages),
        LabelRoutes(context, pages),
        ReceiptRoutes(context, pages),
        ApiRoutes(context),
        CoverageRoutes(context, pages),
        DeviceRoutes(context, pages),
        QuarantineRoutes(context, pages),
        AlarmQualityRoutes(context, pages),
        ProbeRoutes(context),
    ):
        application.include_router(routes.router)
    application.add_api_route("/levels.css", _make_levels_sheet, response_class=Response)
    application.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))
    application.middleware("http")(_add_headers)

    def show_not_found(_request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return pages.problem("not_found", status)

    def show_ledger_away(_request: Request, _error: Exception) -> Response:
        # Whoever writes to the ledger tells of its outage in the log; a gateway repeats its report after a 503.
        return pages.problem("ledger_away", 503)

    application.add_exception_handler(HTTPException, show_not_found)
    application.add_exception_handler(LedgerUnavailableError, show_ledger_away)
    return application


async def _add_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _make_levels_sheet() -> Response:
    """Return the colours of the five levels as a style sheet, from the one table that has them."""
    rules = [
        f".level-{level.key} {{ --level: {level.hex}; --on-level: {_choose_text_colour(level.hex)}; }}"
        for level in WarningLevel
    ]
    return Response("\n".join(rules), media_type="text/css")


def _choose_text_colour(colour: str) -> str:
    """Return black or white, whichever contrasts more with `colour`. Source: WCAG 2.2, relative luminance."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05) else "#ffffff"

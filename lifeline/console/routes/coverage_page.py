"""I/O: the sensor coverage of the city, as a page and as JSON.

Input: requests.
Output: counts by domain, street and asset.
Not responsible for: counting; `lifeline.reports.coverage` does.
Rejects: an unknown grouping, with 422.
"""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from lifeline.console.context import ConsoleContext
from lifeline.console.rendering import Pages
from lifeline.reports.coverage import CoverageCount, Grouping, count_coverage, count_whole_city

_ASSETS = 200
"""Assets on the page, those with the most missing first; assumed: the API has all of them."""


class CoverageRoutes:
    """The page `/coverage` and `/api/coverage`."""

    def __init__(self, context: ConsoleContext, pages: Pages) -> None:
        self._context, self._pages = context, pages
        self.router = APIRouter()
        self.router.add_api_route("/coverage", self.page, response_class=HTMLResponse)
        self.router.add_api_route("/api/coverage", self.json)

    def page(self, request: Request) -> Response:
        """Return the coverage of domains and streets, and the assets that are not heard in full."""
        context, live_state = self._context, self._context.live_state()
        assets = [row for row in self._count_rows(Grouping.ASSET) if row.alive < row.sensors or not row.sensors]
        values = {
            "whole": count_whole_city(context.register, live_state.health),
            "tables": [
                ("domain", self._count_rows(Grouping.DOMAIN), ""),
                ("street", self._count_rows(Grouping.STREET), ""),
                ("asset", assets[:_ASSETS], "/assets/"),
            ],
            "updated": context.updated_text() or "—",
        }
        return self._pages.page("coverage.html", request, values)

    def json(self, by: Annotated[Grouping, Query()] = Grouping.DOMAIN) -> Response:
        """Return the counts of each group, and the journal position that they are true for."""
        context, live_state = self._context, self._context.live_state()
        return JSONResponse(
            {
                "position": live_state.position,
                "received_ns": live_state.received_ns,
                "whole": _make_row(count_whole_city(context.register, live_state.health)),
                "by": by.value,
                "rows": [_make_row(row) for row in count_coverage(context.register, live_state.health, by)],
            }
        )

    def _count_rows(self, by: Grouping) -> list[CoverageCount]:
        return count_coverage(self._context.register, self._context.live_state().health, by)


def _make_row(row: CoverageCount) -> dict[str, object]:
    return {**asdict(row), "sensors": row.sensors, "share": row.share}

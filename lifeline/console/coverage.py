"""I/O: how much of the city is heard, as a page and as JSON.

Comes in: requests. Goes out: counts by domain, street and asset. Refuses to change anything.
"""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from lifeline.console.context import Parts
from lifeline.console.rendering import Pages
from lifeline.reports.coverage import Covered, Grouping, coverage, whole
from lifeline.text.formats import clock_text

_ASSETS = 200
"""Assets on the page, those with the most missing first; assumed: the API has all of them."""


class CoverageRoutes:
    """The page `/coverage` and `/api/coverage`."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self._parts, self._pages = parts, pages
        self.router = APIRouter()
        self.router.add_api_route("/coverage", self.page, response_class=HTMLResponse)
        self.router.add_api_route("/api/coverage", self.json)

    def page(self, request: Request) -> Response:
        """Return the coverage of domains and streets, and the assets that are not heard in full."""
        parts, board = self._parts, self._parts.board()
        assets = [row for row in self._rows(Grouping.ASSET) if row.alive < row.sensors or not row.sensors]
        values = {
            "whole": whole(parts.register, board.health),
            "tables": [
                ("domain", self._rows(Grouping.DOMAIN), ""),
                ("street", self._rows(Grouping.STREET), ""),
                ("asset", assets[:_ASSETS], "/assets/"),
            ],
            "updated": clock_text(board.received_ns, parts.zone) if board.received_ns else "—",
        }
        return self._pages.page("coverage.html", request, values)

    def json(self, by: Annotated[Grouping, Query()] = Grouping.DOMAIN) -> Response:
        """Return the counts of each group, and the journal position that they are true for."""
        parts, board = self._parts, self._parts.board()
        return JSONResponse(
            {
                "position": board.position,
                "received_ns": board.received_ns,
                "whole": _row(whole(parts.register, board.health)),
                "by": by.value,
                "rows": [_row(row) for row in coverage(parts.register, board.health, by)],
            }
        )

    def _rows(self, by: Grouping) -> list[Covered]:
        return coverage(self._parts.register, self._parts.board().health, by)


def _row(row: Covered) -> dict[str, object]:
    return {**asdict(row), "sensors": row.sensors, "share": row.share}

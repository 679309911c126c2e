"""I/O: unknown devices and their messages, as a page and as JSON.

Input: requests.
Output: each unknown device with ready rows and the command that registers it.
Not responsible for: registration: the console has no log-in, and a district is changed by its files.
Rejects: nothing.
"""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from collector.quarantine import UnknownDevice, guess_quantity, sensor_rows
from lifeline.console.context import ConsoleContext
from lifeline.console.rendering import Pages, read_language
from lifeline.district.unknown_devices import format_sensor_rows, registration_command
from lifeline.text.formats import clock_text
from lifeline.text.words import Language, word

_SHOWN = 50
"""Devices on the page, those heard last; assumed: the API has all of them."""


class QuarantineRoutes:
    """The page `/quarantine` and `/api/quarantine`."""

    def __init__(self, context: ConsoleContext, pages: Pages) -> None:
        self._context, self._pages = context, pages
        self.router = APIRouter()
        self.router.add_api_route("/quarantine", self.page, response_class=HTMLResponse)
        self.router.add_api_route("/api/quarantine", self.json)

    def page(self, request: Request) -> Response:
        """Return the strangers, the last heard first."""
        lang, quarantine = read_language(request), self._context.quarantine()
        strangers = list(quarantine.unknown_devices.values())
        values = {
            "strangers": [self._list_texts(each, lang) for each in strangers[:_SHOWN]],
            "more": len(strangers) - len(strangers[:_SHOWN]),
            "left_out": quarantine.left_out,
            "updated": self._context.updated_text() or "—",
        }
        return self._pages.page("quarantine.html", request, values)

    def json(self) -> Response:
        """Return all strangers with the rows that would register them."""
        quarantine = self._context.quarantine()
        rows = [self._list_facts(each) for each in quarantine.unknown_devices.values()]
        return JSONResponse({"devices": rows, "left_out": quarantine.left_out})

    def _list_facts(self, stranger: UnknownDevice) -> dict[str, object]:
        return {
            "device": stranger.device,
            "asset": stranger.asset,
            "asset_is_registered": stranger.asset in self._context.register.assets,
            "domain": stranger.domain,
            "topic": stranger.topic,
            "decoder": stranger.decoder,
            "is_registered": stranger.is_registered,
            "messages": stranger.messages,
            "cut": stranger.cut,
            "first_ns": stranger.first_ns,
            "last_ns": stranger.last_ns,
            "channels": stranger.channels,
            "more_channels": stranger.more_channels,
            "sensors": sensor_rows(stranger, stranger.asset, self._context.quantities, {}),
            "command": registration_command(stranger, self._context.quantities),
        }

    def _list_texts(self, stranger: UnknownDevice, lang: Language) -> dict[str, object]:
        """Return a stranger as ready text."""
        context, zone = self._context, self._context.zone
        rows = sensor_rows(stranger, stranger.asset or "ASSET", context.quantities, {})
        return {
            "device": stranger.device,
            "is_registered": stranger.is_registered,
            "asset": stranger.asset,
            "has_asset": stranger.asset in context.register.assets,
            "domain": stranger.domain,
            "topic": stranger.topic,
            "decoder": stranger.decoder,
            "messages": stranger.messages,
            "cut": stranger.cut,
            "first": clock_text(stranger.first_ns, zone),
            "last": clock_text(stranger.last_ns, zone),
            "channels": [(*each, self._guess(stranger, each[0], lang)) for each in stranger.channels.items()],
            "more_channels": stranger.more_channels,
            "rows": format_sensor_rows(rows) if rows else "",
            "command": registration_command(stranger, context.quantities),
        }

    def _guess(self, stranger: UnknownDevice, channel: str, lang: Language) -> str:
        quantity, unit = guess_quantity(channel, stranger.domain, self._context.quantities)
        if not quantity:
            return word("quantity_unknown", lang)
        known = self._context.quantities[quantity]
        return f"{known.zh if lang == 'zh' else known.en} · {quantity} · {unit}"

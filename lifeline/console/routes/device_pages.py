"""I/O: the devices, as pages and as JSON: a list by the page, and one device with its sensors.

Input: requests.
Output: rows as text or as numbers, at most one page of them.
Not responsible for: the state of a device; `lifeline.reports.device_rows` computes it.
Rejects: a device outside the register, with 404.
"""

import math
from dataclasses import asdict
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from collector.batch import Quality
from lifeline.console.context import ConsoleContext
from lifeline.console.rendering import Pages, read_language
from lifeline.reports.device_rows import LOW_BATTERY_PERCENT, DeviceFilter, DevicePresence, DeviceReport, DeviceRow
from lifeline.rules_stage.live_state import ALIVE, BLIND
from lifeline.text.formats import clock_text
from lifeline.text.words import Language, word

_ROWS = 100
"""Devices on a page; assumed."""
_ASKED = 80
"""Characters of a search that are looked at."""
_STYLES = {
    DevicePresence.OFFLINE: "blind",
    DevicePresence.SILENT: "blind",
    DevicePresence.PARTLY: "partial",
    DevicePresence.NEVER: "unprotected",
    DevicePresence.OK: "ok",
}

Which = Annotated[DeviceFilter, Query(alias="filter")]
PageNumber = Annotated[int, Query(alias="page", ge=1, le=1_000_000)]
Search = Annotated[str, Query(alias="q", max_length=_ASKED)]


class DeviceRoutes:
    """The pages `/devices` and `/devices/{id}`, and the same under `/api`."""

    def __init__(self, context: ConsoleContext, pages: Pages) -> None:
        self._context, self._pages = context, pages
        self._devices = DeviceReport(context.register, context.devices, context.clocks)
        self.router = APIRouter()
        self.router.add_api_route("/devices", self.page, response_class=HTMLResponse)
        self.router.add_api_route("/devices/{device_id:path}", self.device, response_class=HTMLResponse)
        self.router.add_api_route("/api/devices", self.json)
        self.router.add_api_route("/api/devices/{device_id:path}", self.device_json)

    def page(
        self, request: Request, which: Which = DeviceFilter.ALL, number: PageNumber = 1, search: Search = ""
    ) -> Response:
        """Return one page of the devices, the worst first, and how many each filter lists."""
        lang = read_language(request)
        rows, counts, n_found = self._select(which, number, search)
        values = {
            "rows": [self._list_texts(row, lang) for row in rows],
            "counts": counts,
            "which": which.value,
            "search": search,
            "number": number,
            "n_pages": max(1, math.ceil(n_found / _ROWS)),
            "updated": self._context.updated_text(),
        }
        return self._pages.page("devices.html", request, values)

    def device(self, device_id: str, request: Request) -> Response:
        """Return one device with each of its sensors."""
        if device_id not in self._context.devices.place:
            return self._pages.problem("not_found", 404)
        context, lang = self._context, read_language(request)
        row = self._devices.find_row(device_id, context.live_state())
        asset = context.register.assets[row.asset]
        values = {
            "device": self._list_texts(row, lang),
            "asset_name": asset.name_zh if lang == "zh" else asset.name_en,
            "sensors": [self._list_sensor_texts(number, lang) for number in self._devices.list_sensors(device_id)],
            "updated": self._context.updated_text(),
        }
        return self._pages.page("device.html", request, values)

    def json(self, which: Which = DeviceFilter.ALL, number: PageNumber = 1, search: Search = "") -> Response:
        """Return the same page as numbers, and the journal position that it is true for."""
        rows, counts, n_found = self._select(which, number, search)
        live_state = self._context.live_state()
        answer = {
            "position": live_state.position,
            "received_ns": live_state.received_ns,
            "counts": counts,
            "found": n_found,
        }
        return JSONResponse(
            {**answer, "page": number, "rows": _ROWS, "devices": [self._list_facts(row) for row in rows]}
        )

    def device_json(self, device_id: str) -> Response:
        """Return one device and its sensors as numbers."""
        if device_id not in self._context.devices.place:
            return JSONResponse({"detail": "no such device in the register"}, 404)
        live_state = self._context.live_state()
        facts = self._list_facts(self._devices.find_row(device_id, live_state))
        sensors = [self._list_sensor_facts(number) for number in self._devices.list_sensors(device_id)]
        return JSONResponse(
            {"position": live_state.position, "received_ns": live_state.received_ns, **facts, "sensors": sensors}
        )

    def _select(self, which: DeviceFilter, number: int, search: str) -> tuple[list[DeviceRow], dict[str, int], int]:
        live_state = self._context.live_state()
        columns = self._devices.make_columns(live_state)
        chosen = columns.select(which)
        if search:
            chosen &= self._devices.find_by_name(search)
        rows = self._devices.list_page(live_state, columns, chosen, (number - 1) * _ROWS, _ROWS)
        counts = {each.value: int(np.count_nonzero(columns.select(each))) for each in DeviceFilter}
        return rows, counts, int(np.count_nonzero(chosen))

    def _list_facts(self, row: DeviceRow) -> dict[str, object]:
        return {**asdict(row), "state": row.state.name.lower()}

    def _list_texts(self, row: DeviceRow, lang: Language) -> dict[str, object]:
        """Return a device as ready text."""
        zone = self._context.zone
        return {
            "id": row.id,
            "asset": row.asset,
            "state": word(f"device_{row.state.name}", lang),
            "style": _STYLES[row.state],
            "since": clock_text(row.since_ns, zone),
            "since_what": word("offline_since" if row.state is DevicePresence.OFFLINE else "silent_since", lang),
            "sensors": f"{row.alive}/{row.sensors}",
            "battery": "—" if row.battery is None else f"{row.battery:.0f} %",
            "is_low": row.battery is not None and row.battery <= LOW_BATTERY_PERCENT,
            "signal": _format_signal(row),
            "firmware": row.firmware or "—",
            "heard": clock_text(row.heard_ns, zone) or "—",
            "messages": row.messages,
            "missing": row.missing if row.is_numbered else "—",
            "has_gaps": row.missing > 0,
            "numbers": _format_numbers(row, lang),
            "clock": _format_clock(row, lang),
            "clock_is_wrong": row.clock_is_wrong,
        }

    def _list_sensor_facts(self, number: int) -> dict[str, object]:
        live_state, sensor = self._context.live_state(), self._context.register.sensors[number]
        value = float(live_state.values[number])
        return {
            "id": sensor.id,
            "channel": sensor.channel,
            "quantity": sensor.quantity,
            "unit": self._context.quantities[sensor.quantity].unit,
            "value": None if math.isnan(value) else value,
            "time_ns": int(live_state.time_ns[number]),
            "quality": int(live_state.quality[number]),
            "health": {ALIVE: "alive", BLIND: "blind"}.get(int(live_state.health[number]), "unseen"),
        }

    def _list_sensor_texts(self, number: int, lang: Language) -> dict[str, str]:
        """Return a sensor as ready text."""
        live_state, context = self._context.live_state(), self._context
        sensor = context.register.sensors[number]
        quantity = context.quantities[sensor.quantity]
        value = float(live_state.values[number])
        states = {ALIVE: ("alive_one", "ok"), BLIND: ("blind", "blind")}
        key, style = states.get(int(live_state.health[number]), ("unseen_one", "unprotected"))
        return {
            "id": sensor.id,
            "asset": sensor.asset,
            "channel": sensor.channel,
            "quantity": quantity.zh if lang == "zh" else quantity.en,
            "value": "—" if math.isnan(value) else f"{value:.{quantity.decimals}f} {quantity.unit}",
            "time": clock_text(int(live_state.time_ns[number]), context.zone) or "—",
            "quality": "—" if math.isnan(value) else _format_quality(int(live_state.quality[number]), lang),
            "health": word(key, lang),
            "style": style,
        }


def _format_signal(row: DeviceRow) -> str:
    said = [f"{row.strength:.0f} dBm"] if row.strength is not None else []
    if row.ratio is not None:
        said.append(f"{row.ratio:.1f} dB")
    return " · ".join(said) or "—"


def _format_clock(row: DeviceRow, lang: Language) -> str:
    if row.clock_behind_s is None:
        return "—"
    offset = (
        f"{word('clock_behind' if row.clock_behind_s >= 0 else 'clock_ahead', lang)} {abs(row.clock_behind_s):.1f} s"
    )
    return f"{offset} · {word('clock_wrong', lang)}" if row.clock_is_wrong else offset


def _format_numbers(row: DeviceRow, lang: Language) -> str:
    if not row.is_numbered:
        return word("not_numbered", lang)
    return f"{row.missing} / {row.passed_over - row.missing} / {row.repeated} / {row.restarts}"


def _format_quality(bits: int, lang: Language) -> str:
    """Return the flags by the names that docs/quality.md explains."""
    names = [str(flag.name).lower() for flag in Quality if flag and bits & flag]
    return ", ".join(names) or word("good", lang)

"""I/O: the page of one asset: sensors, the chart of one sensor, and the alerts from reading to phone.

Input: requests for `/assets/{id}`.
Output: HTML made of rows, cards and a chart.
Not responsible for: writing anything.
Rejects: an id that is not in the register, with 404.
"""

import math

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from collector.history import HistoryUnavailableError
from config.levels import WarningLevel
from config.register import Sensor
from lifeline.console.cards import make_alert_card, read_chain_card
from lifeline.console.chart import Chart, ChartLimit, ChartWindow, draw_chart
from lifeline.console.context import ConsoleContext
from lifeline.console.rendering import Pages, read_language
from lifeline.reports.asset_rows import list_asset_rows
from lifeline.rules_stage.live_state import ALIVE, BLIND
from lifeline.text.formats import NANO
from lifeline.text.words import Language, word
from rules.risk import RiskReason, describe_reason

_CHART_NS = 15 * 60 * NANO
_RECENT_ALERTS = 5
"""Alerts on an asset's page, newest first; assumed: the ledger has the others."""


class AssetRoutes:
    """The pages `/assets/{id}`."""

    def __init__(self, context: ConsoleContext, pages: Pages) -> None:
        self._context, self._pages = context, pages
        self.router = APIRouter(default_response_class=HTMLResponse)
        self.router.add_api_route("/assets/{asset_id}", self.asset)

    def asset(self, asset_id: str, request: Request) -> Response:
        """Return one asset: sensors, the chart of one, and its alerts from reading to phone."""
        context, lang = self._context, read_language(request)
        rows = list_asset_rows(context.register, context.alarms, context.live_state())
        row = next((row for row in rows if row.asset.id == asset_id), None)
        if row is None:
            return self._pages.problem("not_found", 404)
        sensors = [sensor for sensor in context.register.sensors if sensor.asset == asset_id]
        charted = _choose_sensor(sensors, request.query_params.get("sensor"))
        values = {
            "row": row,
            "why": [self._format_reason(each, lang) for each in row.risk.why],
            "name": row.asset.name_zh if lang == "zh" else row.asset.name_en,
            "sensors": [self._make_sensor_line(sensor, lang) for sensor in sensors],
            "charted": self._make_sensor_line(charted, lang) if charted else None,
            "chart": self._draw_chart(charted) if charted else None,
            "alerts": [
                {"card": make_alert_card(alert, context, lang), "chain": read_chain_card(alert.id, context, lang)}
                for alert in context.ledger.alerts.read_recent(_RECENT_ALERTS, asset_id)
            ],
            "updated": context.updated_text(),
        }
        return self._pages.page("asset.html", request, values)

    def _format_reason(self, why: RiskReason, lang: Language) -> str:
        rule = self._context.rule(why.rule) if why.rule else None
        return describe_reason(why, (rule.title_zh if lang == "zh" else rule.title_en) if rule else "", lang)

    def _make_sensor_line(self, sensor: Sensor, lang: Language) -> dict[str, str]:
        context = self._context
        quantity = context.quantities[sensor.quantity]
        live_state, number = context.live_state(), context.register.sensor_index[sensor.id]
        health, value = int(live_state.health[number]), float(live_state.values[number])
        key, css = {ALIVE: ("alive_one", "ok"), BLIND: ("blind", "blind")}.get(health, ("unseen_one", "unprotected"))
        return {
            "id": sensor.id,
            "device": sensor.device,
            "quantity": quantity.zh if lang == "zh" else quantity.en,
            "unit": quantity.unit,
            "health": word(key, lang),
            "health_class": css,
            "value": "—" if math.isnan(value) else f"{value:.{quantity.decimals}f}",
        }

    def _draw_chart(self, sensor: Sensor) -> Chart | None:
        """Return the chart, None while the history gives no answer: the rest of the page does not wait for it."""
        context = self._context
        number, now_ns = context.register.sensor_index[sensor.id], context.clock_ns()
        window = ChartWindow(
            now_ns - _CHART_NS,
            now_ns,
            int(max(sensor.stale_after_s, 2 * sensor.cadence_s) * NANO),
        )
        try:
            series = context.history.read(number, window.start_ns, window.end_ns)
        except HistoryUnavailableError:
            return None
        limits = [
            ChartLimit(WarningLevel(limit.level), limit.limit, limit.side.value)
            for rule in context.ruleset.rules
            # A limit on a rate, a count or a condition does not lie on the scale of the readings.
            if number in rule.sensors and rule.derived is None
            for limit in rule.levels
        ]
        return draw_chart(series, limits, window)


def _choose_sensor(sensors: list[Sensor], wanted: str | None) -> Sensor | None:
    """Return the sensor asked for, else the first that measures something other than the device itself."""
    for sensor in sensors:
        if sensor.id == wanted:
            return sensor
    return next((sensor for sensor in sensors if sensor.heartbeat), sensors[0] if sensors else None)

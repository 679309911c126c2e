"""I/O: the pages for the person on call: overview, one asset, one alert.

Comes in: requests. Goes out: HTML made of rows, cards and charts. Refuses to change anything but acknowledgements.
"""

import math
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from collector.history import HistoryUnavailableError
from config.levels import WarningLevel
from config.register import Sensor
from lifeline.console.cards import OPERATOR, alert_card, chain_card
from lifeline.console.chart import Chart, Limit, Window, draw
from lifeline.console.context import ConsoleContext
from lifeline.console.forms import form_fields
from lifeline.console.labels import label_values
from lifeline.console.rendering import Pages, asked_language
from lifeline.console.security import is_form_proof
from lifeline.reports.asset_rows import asset_rows, level_counts
from lifeline.reports.chain import read_chain
from lifeline.rules_stage.live_state import ALIVE, BLIND
from lifeline.text.formats import NANO, clock_text
from lifeline.text.words import Language, word
from rules.risk import RiskReason, describe_reason

_CHART_NS = 15 * 60 * NANO
_RECENT_ALERTS = 5
"""Alerts on an asset's page, newest first; assumed: the ledger has the others."""

_log = structlog.get_logger()


class PageRoutes:
    """Overview, asset, alert and the console's own acknowledge button."""

    def __init__(self, context: ConsoleContext, pages: Pages) -> None:
        self._context, self._pages = context, pages
        self.router = APIRouter(default_response_class=HTMLResponse)
        self.router.add_api_route("/", self.overview)
        self.router.add_api_route("/assets/{asset_id}", self.asset)
        self.router.add_api_route("/alerts/{alert_id}", self.alert)
        self.router.add_api_route("/alerts/{alert_id}/acknowledge", self.acknowledge, methods=["POST"])

    def overview(self, request: Request) -> Response:
        """Return every asset by level with its data health beside it, and the open alerts."""
        context, lang = self._context, asked_language(request)
        rows = asset_rows(context.register, context.alarms, context.live_state())
        alerts = sorted(context.ledger.alerts.read_open(), key=lambda alert: (-alert.level, -alert.opened_ns))
        values = {
            "rows": rows,
            "counts": list(level_counts(rows).items()),
            "alerts": [alert_card(alert, context, lang) for alert in alerts],
            "system": self._system(),
            "updated": self._updated(),
        }
        return self._pages.page("overview.html", request, values)

    def asset(self, asset_id: str, request: Request) -> Response:
        """Return one asset: sensors, the chart of one, and its alerts from reading to phone."""
        context, lang = self._context, asked_language(request)
        rows = asset_rows(context.register, context.alarms, context.live_state())
        row = next((row for row in rows if row.asset.id == asset_id), None)
        if row is None:
            return self._pages.problem("not_found", 404)
        sensors = [sensor for sensor in context.register.sensors if sensor.asset == asset_id]
        charted = _charted(sensors, request.query_params.get("sensor"))
        values = {
            "row": row,
            "why": [self._reason(each, lang) for each in row.risk.why],
            "name": row.asset.name_zh if lang == "zh" else row.asset.name_en,
            "sensors": [self._sensor_line(sensor, lang) for sensor in sensors],
            "charted": self._sensor_line(charted, lang) if charted else None,
            "chart": self._chart(charted) if charted else None,
            "alerts": [
                {"card": alert_card(alert, context, lang), "chain": self._chain(alert.id, lang)}
                for alert in context.ledger.alerts.read_recent(_RECENT_ALERTS, asset_id)
            ],
            "updated": self._updated(),
        }
        return self._pages.page("asset.html", request, values)

    def alert(self, alert_id: str, request: Request) -> Response:
        """Return one alert with its chain and the decisions about it."""
        lang = asked_language(request)
        alert = self._context.ledger.alerts.find(alert_id)
        if alert is None:
            return self._pages.problem("not_found", 404)
        others = self._context.ledger.alerts.read_incident(alert)
        values = {
            "alert": alert_card(alert, self._context, lang),
            **label_values(alert_id, self._context, lang),
            "incident": [alert_card(other, self._context, lang) for other in others],
            "chain": self._chain(alert_id, lang),
            "updated": self._updated(),
        }
        return self._pages.page("alert.html", request, values)

    def acknowledge(
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
        return RedirectResponse(f"/alerts/{alert_id}?lang={asked_language(request)}", 303)

    def _chain(self, alert_id: str, lang: Language) -> object:
        chain = read_chain(self._context.ledger, alert_id)
        return chain_card(chain, self._context, lang) if chain else None

    def _reason(self, why: RiskReason, lang: Language) -> str:
        rule = self._context.rule(why.rule) if why.rule else None
        return describe_reason(why, (rule.title_zh if lang == "zh" else rule.title_en) if rule else "", lang)

    def _updated(self) -> str:
        return clock_text(self._context.live_state().received_ns, self._context.zone)

    def _system(self) -> dict[str, object]:
        health = self._context.health()
        alarms = [
            {
                "name": alarm.symptom.name,
                "since": clock_text(alarm.since_ns, self._context.zone),
                "detail": alarm.symptom.detail,
            }
            for alarm in health.alarms
        ]
        return {"well": health.is_well, "alarms": alarms}

    def _sensor_line(self, sensor: Sensor, lang: Language) -> dict[str, str]:
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

    def _chart(self, sensor: Sensor) -> Chart | None:
        """Return the chart, None while the history gives no answer: the rest of the page does not wait for it."""
        context = self._context
        number, now_ns = context.register.sensor_index[sensor.id], context.clock_ns()
        window = Window(
            now_ns - _CHART_NS,
            now_ns,
            int(max(sensor.stale_after_s, 2 * sensor.cadence_s) * NANO),
        )
        try:
            series = context.history.read(number, window.start_ns, window.end_ns)
        except HistoryUnavailableError:
            return None
        limits = [
            Limit(WarningLevel(limit.level), limit.limit, limit.side.value)
            for rule in context.ruleset.rules
            # A limit on a rate, a count or a condition does not lie on the scale of the readings.
            if number in rule.sensors and rule.derived is None
            for limit in rule.levels
        ]
        return draw(series, limits, window)


def _charted(sensors: list[Sensor], wanted: str | None) -> Sensor | None:
    """Return the sensor asked for, else the first that measures something other than the device itself."""
    for sensor in sensors:
        if sensor.id == wanted:
            return sensor
    return next((sensor for sensor in sensors if sensor.heartbeat), sensors[0] if sensors else None)

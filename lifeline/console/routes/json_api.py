"""I/O: the facts of the pages as JSON and GeoJSON.

Input: requests.
Output: lists of assets and alerts, without phone numbers.
Not responsible for: writing anything.
Rejects: nothing.
"""

from collections.abc import Mapping

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from alerts.alert import Alert
from alerts.state import state_of
from config.levels import WarningLevel
from lifeline.console.cards import choose_shown_level
from lifeline.console.context import ConsoleContext
from lifeline.reports.asset_rows import AssetRow, list_asset_rows
from rules.risk import Risk, RiskReason, describe_reason

Json = Mapping[str, object]


class ApiRoutes:
    """Assets, open alerts, and assets as points on a map."""

    def __init__(self, context: ConsoleContext) -> None:
        self._context = context
        self.router = APIRouter(prefix="/api")
        self.router.add_api_route("/assets", self.assets)
        self.router.add_api_route("/assets.geojson", self.geojson)
        self.router.add_api_route("/alerts", self.alerts)

    def assets(self) -> Response:
        """Return every asset with level and data health, and the journal position that they are true for."""
        live_state = self._context.live_state()
        rows = [self._describe_asset(row) for row in self._list_rows()]
        return JSONResponse({"position": live_state.position, "received_ns": live_state.received_ns, "assets": rows})

    def geojson(self) -> Response:
        """Return the assets as a GeoJSON FeatureCollection (RFC 7946: longitude first, WGS84)."""
        features = [
            {
                "type": "Feature",
                "id": row.asset.id,
                "geometry": {"type": "Point", "coordinates": [row.asset.longitude, row.asset.latitude]},
                "properties": self._describe_asset(row),
            }
            for row in self._list_rows()
        ]
        return JSONResponse(
            {"type": "FeatureCollection", "features": features}, headers={"Content-Type": "application/geo+json"}
        )

    def alerts(self) -> Response:
        """Return the open alerts, oldest first."""
        return JSONResponse({"alerts": [_describe_alert(alert) for alert in self._context.ledger.alerts.read_open()]})

    def _list_rows(self) -> list[AssetRow]:
        return list_asset_rows(self._context.register, self._context.alarms, self._context.live_state())

    def _describe_asset(self, row: AssetRow) -> Json:
        return {**_describe_asset(row), "risk": self._describe_risk(row.risk)}

    def _describe_risk(self, risk: Risk) -> Json:
        return {"level": _describe_level(risk.level), "why": [self._describe_reason(each) for each in risk.why]}

    def _describe_reason(self, why: RiskReason) -> Json:
        rule = self._context.rule(why.rule) if why.rule else None
        zh, en = (rule.title_zh, rule.title_en) if rule else ("", "")
        texts = {"zh": describe_reason(why, zh, "zh"), "en": describe_reason(why, en, "en")}
        return {"code": why.code.value, "rule": why.rule, "numbers": list(why.numbers), **texts}


def _describe_asset(row: AssetRow) -> Json:
    asset = row.asset
    return {
        "id": asset.id,
        "kind": asset.kind,
        "domain": asset.domain,
        "name_zh": asset.name_zh,
        "name_en": asset.name_en,
        "region": asset.region,
        "level": _describe_level(row.level),
        "is_last_known": row.is_last_known,
        "health": row.health,
        "sensors": {"alive": row.alive, "blind": row.blind, "unseen": row.unseen},
        "watched": row.watched,
    }


def _describe_alert(alert: Alert) -> Json:
    return {
        "id": alert.id,
        "dimension": alert.dimension.value,
        "level": _describe_level(choose_shown_level(alert)),
        "state": state_of(alert).value,
        "asset": alert.asset,
        "device": alert.device,
        "rule": alert.rule,
        "opened_ns": alert.opened_ns,
        "changed_ns": alert.changed_ns,
        "alarms": list(alert.alarms),
        "acknowledged_ns": alert.acknowledged_ns,
        "acknowledged_by": alert.acknowledged_by,
    }


def _describe_level(level: WarningLevel | None) -> Json | None:
    if level is None:
        return None
    names = {"zh": level.zh, "colour_zh": level.colour_zh, "en": level.en, "hex": level.hex}
    return {"value": int(level), "key": level.key, **names}

"""I/O: the addresses for machines: `/health`, `/ready` and `/metrics`.

Input: requests of a supervisor, a load balancer, Prometheus.
Output: 200 or 503 with the reasons, and metrics.
Not responsible for: judging health; `lifeline.runtime.watchdog` does.
Rejects: nothing.
"""

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from lifeline.console.context import ConsoleContext


class ProbeRoutes:
    """/health, /ready and /metrics."""

    def __init__(self, context: ConsoleContext) -> None:
        self._context = context
        self.router = APIRouter()
        self.router.add_api_route("/health", self.health)
        self.router.add_api_route("/ready", self.ready)
        self.router.add_api_route("/metrics", self.metrics)

    def health(self) -> Response:
        """Return 200 while no thread died and nothing is stuck, else 503; alarms about itself in either case."""
        health = self._context.health()
        alarms = [
            {"name": alarm.symptom.name, "since_ns": alarm.since_ns, "detail": alarm.symptom.detail}
            for alarm in health.alarms
        ]
        return JSONResponse({"alive": health.is_alive, "alarms": alarms}, 200 if health.is_alive else 503)

    def ready(self) -> Response:
        """Return 200 once the rules are restored and the broker is connected, else 503."""
        is_ready = self._context.health().is_ready
        return JSONResponse({"ready": is_ready}, 200 if is_ready else 503)

    def metrics(self) -> Response:
        """Return all metrics in the Prometheus text format."""
        return Response(generate_latest(self._context.registry), media_type=CONTENT_TYPE_LATEST)

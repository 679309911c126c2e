"""The console over the demo district, asked in memory: no thread, no socket."""

import asyncio

import httpx
import pytest
from prometheus_client import CollectorRegistry

from lifeline.console.application import make_console
from lifeline.console.context import ConsoleContext
from lifeline.district.unknown_devices import read_quarantine
from lifeline.self_alarms import SystemHealth


class Browser:
    """A browser before the console of the desk."""

    def __init__(self, desk):
        self.desk = desk
        self.health = SystemHealth(is_alive=True, is_ready=True, alarms=())
        configuration, stores = desk.configuration, desk.stores
        self.context = ConsoleContext(
            register=configuration.register,
            quantities=configuration.quantities,
            ruleset=configuration.ruleset,
            alarms=desk.engine.alarms,
            ledger=stores.ledger,
            history=stores.history,
            links=desk.links,
            registry=CollectorRegistry(),
            live_state=lambda: desk.stage.live_engine.state,
            health=lambda: self.health,
            clock_ns=lambda: desk.now_ns,
            devices=desk.pipeline.devices,
            clocks=desk.pipeline.checks.clocks,
            quarantine=lambda: read_quarantine(configuration, stores.journal.dead_letters(1000)),
        )
        self._console = make_console(self.context)

    def get(self, path, **options):
        """Return the answer to a GET."""
        return asyncio.run(self._ask("GET", path, options))

    def post(self, path, **options):
        """Return the answer to a POST."""
        return asyncio.run(self._ask("POST", path, options))

    async def _ask(self, method, path, options):
        transport = httpx.ASGITransport(self._console)
        async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
            return await client.request(method, path, **options)

    def link(self, alert, contact_place=0):
        """Return the path of the acknowledge link of one of the alert's messages."""
        delivery = self.desk.stores.ledger.outbox.read_deliveries(alert.id)[contact_place]
        return self.context.links.acknowledge_link(delivery.notification.id).removeprefix("http://console")


@pytest.fixture
def browser(desk):
    """A browser before the console of the demo district."""
    return Browser(desk)

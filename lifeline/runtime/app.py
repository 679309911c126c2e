"""I/O: the running program, built from its configuration alone; two of them can run in one process.

Input: a `Configuration`.
Output: threads for intake, rules, recorder, dispatch and console, until `stop`.
Not responsible for: arguments, environment and signals; `lifeline.commands.main` reads them.
Rejects: a wrong secret as `ConfigError`, an address in use or a broken store as `StartError`.
"""

import contextlib
import time
from collections import Counter
from collections.abc import Callable

import structlog
from prometheus_client import CollectorRegistry

from alerts.links import SignedLinks
from collector.dead_letter import DeadLetterReason
from collector.quarantine import Quarantine
from config.secrets import console_secret
from lifeline.configuration import Configuration
from lifeline.console.application import make_console
from lifeline.console.context import ConsoleContext
from lifeline.console.server import ConsoleServer, Listener
from lifeline.district.unknown_devices import PAGE_LETTERS, read_quarantine
from lifeline.metrics.registry import StageMetrics, make_histograms
from lifeline.rules_stage.live_state import LiveState
from lifeline.runtime.gauges import Gauges
from lifeline.runtime.stores import open_stores
from lifeline.runtime.supervisor import Supervisor, ThreadFailure
from lifeline.runtime.watchdog import Watchdog
from lifeline.runtime.wiring import SharedServices, build_stages
from lifeline.self_alarms import SystemHealth
from lifeline.start_error import StartError

_JOIN_S = 15.0
"""How long a stop waits for one thread; assumed: a write to a server gives up after 10 s."""

_STOP_S = 25.0
"""How long a stop waits for all of them; less than the 30 s that deploy/lifeline.service grants."""
_FAILED_STOP_S = 8.0
"""The same after a failure: a hanging thread will not end, and a new process should begin; assumed."""

_log = structlog.get_logger()


class App:
    """One running program. `stores` and `stages` are open to look at."""

    def __init__(
        self,
        configuration: Configuration,
        *,
        clock_ns: Callable[[], int] = time.time_ns,
        reloads: Counter[tuple[str, str]] | None = None,
    ) -> None:
        """Open everything that `configuration` names; nothing runs before `start`.

        Raises:
            ConfigError: a secret or a channel's option is wrong.
            StartError: an address is taken, or a file or ledger cannot be opened.
        """
        settings, register = configuration.settings, configuration.register
        self.configuration = configuration
        self._clock_ns = clock_ns
        self._supervisor = Supervisor()
        self.left: list[str] = []
        """Threads that did not end with `stop`: only the end of the process ends them."""
        self.registry = CollectorRegistry()
        with contextlib.ExitStack() as undo:
            self._listener = _listen(settings.console.host, settings.console.port)
            undo.callback(self._listener.close)
            links = SignedLinks(self._choose_public_url(), console_secret(settings))
            self.stores = open_stores(settings, register, undo)
            around = SharedServices(links, make_histograms(self.registry), clock_ns)
            self.stages = build_stages(configuration, self.stores, around, undo)
            self._watchdog = Watchdog(self.stages, self.stores.journal, self._supervisor, clock_ns)
            gauges = Gauges(configuration.register, self.stores, self.stages, self._watchdog, reloads)
            self.registry.register(StageMetrics(gauges.read_counters, gauges.read_values))
            self._console = ConsoleServer(make_console(self._make_context(links, clock_ns)), self._listener)
            self._undo = undo.pop_all()

    @property
    def url(self) -> str:
        """Address of the console for a browser on this machine."""
        return self._listener.url

    @property
    def failure(self) -> ThreadFailure | None:
        """Why the program cannot go on, None while all is well."""
        return self._supervisor.failure

    @property
    def live_state(self) -> LiveState:
        """The state of every alarm and sensor, as last published."""
        return self.stages.rules.live_engine.state

    def health(self) -> SystemHealth:
        """Return how the program itself is."""
        return self._watchdog.health()

    def start(self) -> None:
        """Start every thread: those that read first, the intake last."""
        stages, run = self.stages, self._supervisor.run
        run("console", self._console.run)
        run("rules", stages.rules.run)
        run("recorder", stages.recorder.run)
        run("journal_retention", stages.journal_retention.run)
        stages.dispatcher.start()
        run("intake", stages.intake.run)
        run("watchdog", self._watchdog.run)
        register = self.configuration.register
        _log.info("started", assets=len(register.assets), sensors=len(register.sensors), console=self.url)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the program failed or was stopped; False when `timeout_s` passed first."""
        return self._supervisor.wait(timeout_s)

    def stop(self) -> None:
        """Stop in the order of the flow, intake first, and close the stores; safe to call twice."""
        if self._supervisor.stopping.is_set():
            return
        self._supervisor.begin_stop()
        self._watchdog.stop()
        stages = self.stages
        deadline_s = time.monotonic() + (_STOP_S if self.failure is None else _FAILED_STOP_S)
        for name, stop in (
            ("intake", stages.intake.stop),
            ("rules", stages.rules.stop),
            ("recorder", stages.recorder.stop),
            ("journal_retention", stages.journal_retention.stop),
        ):
            stop()
            self._supervisor.join(min(_JOIN_S, _compute_left_s(deadline_s)), name)
        self._supervisor.run("dispatcher_stop", stages.dispatcher.stop)
        self._console.stop()
        self.left = self._supervisor.join(_compute_left_s(deadline_s))
        if self.left:
            # They may hold what closing would wait for; the files survive an end without it.
            _log.error("threads_left", threads=self.left)
            return
        self._undo.close()
        _log.info("stopped")

    def _choose_public_url(self) -> str:
        console = self.configuration.settings.console
        return self._listener.url if console.public_url.endswith(":0") else console.public_url

    def _make_context(self, links: SignedLinks, clock_ns: Callable[[], int]) -> ConsoleContext:
        return ConsoleContext(
            register=self.configuration.register,
            quantities=self.configuration.quantities,
            ruleset=self.configuration.ruleset,
            alarms=self.stages.engine.alarms,
            ledger=self.stores.ledger,
            history=self.stores.history,
            links=links,
            registry=self.registry,
            live_state=lambda: self.live_state,
            health=self.health,
            clock_ns=clock_ns,
            devices=self.stages.pipeline.devices,
            clocks=self.stages.pipeline.checks.clocks,
            quarantine=self._read_quarantine,
        )

    def _read_quarantine(self) -> Quarantine:
        letters = self.stores.journal.dead_letters(PAGE_LETTERS, DeadLetterReason.UNKNOWN_SENSOR)
        return read_quarantine(self.configuration, letters)


def _listen(host: str, port: int) -> Listener:
    try:
        return Listener(host, port)
    except OSError as error:
        message = f"console {host}:{port}: expected a free address, got {error.strerror}; set console.host or .port"
        raise StartError(message) from error


def _compute_left_s(deadline_s: float) -> float:
    return max(0.1, deadline_s - time.monotonic())

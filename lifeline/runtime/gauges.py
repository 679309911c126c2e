"""I/O: the numbers of the running program at the moment of a scrape.

Input: stores and stages.
Output: their counters, and gauges of the current values.
Not responsible for: their format.
Rejects: nothing; while the ledger is away, its gauges are absent.
"""

import contextlib
from collections import Counter
from collections.abc import Iterator

import numpy as np

from alerts.store.errors import LedgerUnavailableError
from config.levels import WarningLevel
from config.register import Register
from lifeline.metrics.registry import CounterValues, Gauge
from lifeline.reports.asset_rows import count_levels, list_asset_rows
from lifeline.rules_stage.live_state import ALIVE, BLIND, UNSEEN
from lifeline.runtime.stores import Stores
from lifeline.runtime.watchdog import Watchdog
from lifeline.runtime.wiring import Stages
from rules.events import Dimension


class Gauges:
    """Reads everything that `/metrics` shows beside the histograms."""

    def __init__(
        self,
        register: Register,
        stores: Stores,
        stages: Stages,
        watchdog: Watchdog,
        reloads: Counter[tuple[str, str]] | None = None,
    ) -> None:
        """Look at `stores`, `stages` and `watchdog` when asked; `reloads` outlives them."""
        self._reloads = Counter() if reloads is None else reloads
        self._register = register
        self._stores = stores
        self._stages = stages
        self._watchdog = watchdog

    def read_counters(self) -> list[CounterValues]:
        """Return the counters of every stage, each once."""
        stores, stages = self._stores, self._stages
        counters: list[Counter[tuple[str, str]]] = [
            stages.intake.counts,
            # The ledger counts alarm events once; the engine counts them again at every replay.
            Counter({key: n for key, n in dict(stages.engine.counts).items() if key[0] != "alarm_events"}),
            stages.rules.counts,
            stages.recorder.counts,
            stages.journal_retention.counts,
            stages.dispatcher.counts,
            stores.journal.counts,
            stores.history.counts,
            stores.ledger.counts,
            self._reloads,
        ]
        return list({id(counter): counter for counter in counters}.values())

    def read_values(self) -> Iterator[Gauge]:
        """Return every gauge."""
        yield from self._read_journal()
        yield from self._read_intake()
        yield from self._read_district()
        yield from self._read_people()

    def _read_journal(self) -> Iterator[Gauge]:
        status = self._stores.journal.status()
        recorder, rules = self._stages.recorder.status(), self._stages.rules.status()
        yield Gauge("journal_bytes", {}, status.bytes)
        yield Gauge("journal_max_bytes", {}, status.max_bytes)
        yield Gauge("journal_entries", {}, status.entries)
        yield Gauge("journal_position", {}, status.last)
        for stage, position in (("recorder", recorder.position), ("rules", rules.position)):
            yield Gauge("stage_position", {"stage": stage}, position)
            yield Gauge("stage_lag_entries", {"stage": stage}, max(0, status.last - position))
        yield Gauge("ledger_position", {}, rules.committed)
        yield Gauge("snapshot_position", {}, rules.snapshot)

    def _read_intake(self) -> Iterator[Gauge]:
        status, health = self._stages.intake.status(), self._watchdog.health()
        yield Gauge("broker_connected", {}, float(status.connected))
        yield Gauge("intake_loop_age_seconds", {}, status.loop_age_s)
        yield Gauge("intake_canary_age_seconds", {}, status.canary_age_s)
        yield Gauge("devices_wrong_clock", {}, self._stages.pipeline.checks.clocks.n_wrong())
        yield Gauge("alive", {}, float(health.is_alive))
        yield Gauge("ready", {}, float(health.is_ready))
        for alarm in health.alarms:
            yield Gauge("self_alarm", {"alarm": alarm.symptom.name}, 1.0)

    def _read_district(self) -> Iterator[Gauge]:
        live_state = self._stages.rules.live_engine.state
        for name, value in (("unseen", UNSEEN), ("alive", ALIVE), ("blind", BLIND)):
            yield Gauge("sensors", {"health": name}, int(np.count_nonzero(live_state.health == value)))
        rows = list_asset_rows(self._register, self._stages.engine.alarms, live_state)
        for level, count in count_levels(rows).items():
            yield Gauge("assets", {"level": level.key if level else "none"}, count)

    def _read_people(self) -> Iterator[Gauge]:
        # While the ledger is away these are absent: the numbers that show its outage must still come.
        with contextlib.suppress(LedgerUnavailableError):
            yield from self._read_open_alerts()
        for name, status in self._stages.dispatcher.status().channels.items():
            yield Gauge("outbox_pending", {"channel": name}, status.waiting.pending + status.waiting.sending)
            yield Gauge("channel_up", {"channel": name}, float(not status.reason))

    def _read_open_alerts(self) -> Iterator[Gauge]:
        alerts = self._stores.ledger.alerts.read_open()
        hazards = Counter(alert.level for alert in alerts if alert.dimension is Dimension.HAZARD)
        for level in WarningLevel:
            if level is not WarningLevel.GREEN:
                yield Gauge("open_alerts", {"level": level.key}, hazards[level])
        yield Gauge("open_device_faults", {}, sum(alert.dimension is Dimension.HEALTH for alert in alerts))

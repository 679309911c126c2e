"""I/O: the stages of the flow, built and joined: intake, rules, recorder, dispatcher, housekeeping.

Comes in: configuration, stores, links, histograms. Goes out: `Stages`, none of them running. Refuses to start them.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from alerts.channels.loading import open_channels
from alerts.dispatch.dispatcher import Dispatcher
from alerts.links import SignedLinks
from alerts.planning.alert_context import PlanningConfig
from alerts.planning.planner import Planner
from collector.checkpoints import CheckCheckpoint, DeviceCheckpoint
from collector.devices.clocks import DeviceClocks
from collector.intake.intake import MqttIntake
from collector.recorder import Recorder
from lifeline.configuration import Configuration
from lifeline.metrics.registry import LatencyHistograms
from lifeline.metrics.timed_channel import TimedChannel
from lifeline.rules_stage.live_engine import LiveEngine
from lifeline.rules_stage.stage import RulesStage
from lifeline.runtime.journal_retention import JournalRetention
from lifeline.runtime.stores import Stores
from rules.engine import RuleEngine

_HOUR_NS = 3600 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Stages:
    """The moving parts in the order of the flow."""

    intake: MqttIntake
    clocks: DeviceClocks
    engine: RuleEngine
    rules: RulesStage
    recorder: Recorder
    dispatcher: Dispatcher
    journal_retention: JournalRetention


@dataclass(frozen=True, slots=True)
class SharedServices:
    """What the stages share."""

    links: SignedLinks
    latencies: LatencyHistograms
    clock_ns: Callable[[], int]


def build_stages(
    configuration: Configuration, stores: Stores, around: SharedServices, undo: contextlib.ExitStack
) -> Stages:
    """Return the stages of one program; `undo` closes what they keep open.

    Raises:
        ConfigError: a channel's options are wrong.
    """
    settings = configuration.settings
    engine = RuleEngine(configuration.ruleset, configuration.register)
    dispatcher = _dispatcher(configuration, stores, around, undo)

    def told() -> None:
        dispatcher.wake()
        around.latencies.decided.observe((around.clock_ns() - rules.live_engine.state.received_ns) / 1e9)

    rules = RulesStage(
        stores.journal,
        LiveEngine(engine),
        stores.ledger,
        make_planner(configuration, engine, around.links),
        snapshot_s=settings.ledger.snapshot_s,
        on_events=told,
        version=configuration.version,
        clock_ns=around.clock_ns,
    )
    recorder = Recorder(stores.journal, stores.history, settings.history.batch_readings)
    pipeline = configuration.pipeline
    memory, devices = _memories(configuration, stores, undo)
    readers = (lambda: recorder.status().position, lambda: rules.status().snapshot)
    return Stages(
        MqttIntake(settings.mqtt, settings.intake, pipeline, stores.journal, memory=memory, devices=devices),
        pipeline.checks.clocks,
        engine,
        rules,
        recorder,
        dispatcher,
        JournalRetention(stores.journal, readers, int(settings.journal.retention_h * _HOUR_NS), around.clock_ns),
    )


def _memories(
    configuration: Configuration, stores: Stores, undo: contextlib.ExitStack
) -> tuple[CheckCheckpoint, DeviceCheckpoint]:
    """Return what outlives a restart of what the intake knows of sensors and devices, filled."""
    pipeline, folder = configuration.pipeline, configuration.settings.journal.path.parent
    memory = CheckCheckpoint(folder / "checks.bin", pipeline.checks, pipeline.checks.clocks)
    memory.load(stores.journal)
    undo.callback(memory.save_clocks)
    devices = DeviceCheckpoint(folder / "devices.bin", pipeline.devices, stores.journal)
    devices.load()
    undo.callback(lambda: devices.save(stores.journal.last_position()))
    return memory, devices


def _dispatcher(
    configuration: Configuration, stores: Stores, around: SharedServices, undo: contextlib.ExitStack
) -> Dispatcher:
    channels = open_channels(configuration.settings.channels, around.links)
    for channel in channels.values():
        undo.callback(channel.close)
    timed = {
        name: TimedChannel(channel, around.latencies.handed_over, around.clock_ns) for name, channel in channels.items()
    }
    return Dispatcher(stores.ledger, timed, around.clock_ns)


def make_planner(configuration: Configuration, engine: RuleEngine, links: SignedLinks) -> Planner:
    """Return what plans with everything but the step itself already known."""
    district = PlanningConfig(
        configuration.register, configuration.quantities, configuration.ruleset, configuration.routes, links
    )
    return Planner(district, engine.alarms)

"""I/O: the stages of the program, built and connected: intake, rules, recorder, dispatcher, journal retention.

Input: configuration, stores, links, histograms.
Output: `Stages`, none of them running.
Not responsible for: starting them.
Rejects: wrong options of a channel, as `ConfigError`.
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
from collector.decoding.entry_points import load_decoders
from collector.decoding.pipeline import Pipeline
from collector.intake.intake import MqttIntake
from collector.recorder import Recorder
from lifeline.configuration import Configuration
from lifeline.metrics.registry import LatencyHistograms
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
    pipeline: Pipeline
    engine: RuleEngine
    rules: RulesStage
    recorder: Recorder
    dispatcher: Dispatcher
    journal_retention: JournalRetention


@dataclass(frozen=True, slots=True)
class SharedServices:
    """The services that the stages share."""

    links: SignedLinks
    latencies: LatencyHistograms
    clock_ns: Callable[[], int]


def build_stages(
    configuration: Configuration, stores: Stores, around: SharedServices, undo: contextlib.ExitStack
) -> Stages:
    """Return the stages of one program; `undo` closes their channels and checkpoints.

    Raises:
        ConfigError: a channel's options are wrong.
    """
    settings = configuration.settings
    engine = RuleEngine(configuration.ruleset, configuration.register)
    dispatcher = _build_dispatcher(configuration, stores, around, undo)
    rules = RulesStage(
        stores.journal,
        LiveEngine(engine),
        stores.ledger,
        make_planner(configuration, engine, around.links),
        snapshot_s=settings.ledger.snapshot_s,
        on_events=dispatcher.wake,
        observe_decision_s=around.latencies.decided.observe,
        version=configuration.version,
        clock_ns=around.clock_ns,
    )
    recorder = Recorder(stores.journal, stores.history, settings.history.batch_readings)
    pipeline = build_pipeline(configuration)
    checks, devices = _load_checkpoints(configuration, pipeline, stores, undo)
    readers = (lambda: recorder.status().position, lambda: rules.status().snapshot)
    return Stages(
        MqttIntake(settings.mqtt, settings.intake, pipeline, stores.journal, memory=checks, devices=devices),
        pipeline,
        engine,
        rules,
        recorder,
        dispatcher,
        JournalRetention(stores.journal, readers, int(settings.journal.retention_h * _HOUR_NS), around.clock_ns),
    )


def build_pipeline(configuration: Configuration) -> Pipeline:
    """Return the pure half of the intake, before its first message, with the decoders that other packages bring."""
    settings = configuration.settings
    subscriptions = settings.mqtt.subscriptions
    decoders = load_decoders(subscription.decoder for subscription in subscriptions)
    return Pipeline(configuration.register, configuration.quantities, subscriptions, settings.intake, decoders=decoders)


def _load_checkpoints(
    configuration: Configuration, pipeline: Pipeline, stores: Stores, undo: contextlib.ExitStack
) -> tuple[CheckCheckpoint, DeviceCheckpoint]:
    """Restore the state of sensors and devices in `pipeline`; return the checkpoints that keep it."""
    folder = configuration.settings.journal.path.parent
    checks = CheckCheckpoint(folder / "checks.bin", pipeline.checks, pipeline.checks.clocks)
    checks.load(stores.journal)
    undo.callback(checks.save_clocks)
    devices = DeviceCheckpoint(folder / "devices.bin", pipeline.devices, stores.journal)
    devices.load()
    undo.callback(lambda: devices.save(stores.journal.last_position()))
    return checks, devices


def _build_dispatcher(
    configuration: Configuration, stores: Stores, around: SharedServices, undo: contextlib.ExitStack
) -> Dispatcher:
    channels = open_channels(configuration.settings.channels, around.links)
    for channel in channels.values():
        undo.callback(channel.close)
    return Dispatcher(stores.ledger, channels, around.clock_ns, observe_handover_s=around.latencies.handed_over.observe)


def make_planner(configuration: Configuration, engine: RuleEngine, links: SignedLinks) -> Planner:
    """Return the planner with the whole configuration."""
    district = PlanningConfig(
        configuration.register, configuration.quantities, configuration.ruleset, configuration.routes, links
    )
    return Planner(district, engine.alarms)

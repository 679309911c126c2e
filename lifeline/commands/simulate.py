"""I/O: `lifeline simulate`: a simulated district that publishes to the broker of the settings.

Input: settings and `SimulationOptions`.
Output: MQTT messages in real time, ground truth in a file.
Not responsible for: rules.
Rejects: an unknown scenario; a broker that cannot be reached ends it with 1.
"""

import threading
import time
from dataclasses import dataclass
from pathlib import Path

import typer

from config.loading import load_quantities, load_register
from config.register import Register
from config.settings import Settings
from simulators.district import District
from simulators.player import Player
from simulators.publisher import Publisher
from simulators.scenarios import Scenario, make_scenario, whole_script
from simulators.send_queue import PublishError
from simulators.truth import write_lines

_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class SimulationOptions:
    """The options of a simulation."""

    seed: int
    scenarios: tuple[str, ...]
    """`name` or `name@asset`, each starting now."""
    script: bool
    """Every scenario at its own time, one after the other."""
    seconds: float | None
    truth: Path | None


def run_simulation(settings: Settings, options: SimulationOptions, stopping: threading.Event) -> int:
    """Publish until `stopping` is set or the time is over; returns the exit code.

    Raises:
        ConfigError: the district or a scenario's name is wrong.
    """
    quantities = load_quantities(settings.district)
    register = load_register(settings.district, quantities, settings.time_zone)
    start_ns = time.time_ns()
    scenarios = _make_scenarios(register, options, start_ns)
    if options.truth:
        options.truth.write_bytes(write_lines(truth for scenario in scenarios for truth in scenario.truth()))
    mqtt = settings.mqtt
    publisher = Publisher(
        mqtt.host,
        mqtt.port,
        username=mqtt.username,
        password=mqtt.password.get_secret_value() if mqtt.password else None,
        tls=mqtt.tls,
    )
    try:
        publisher.start()
    except PublishError as error:
        typer.echo(str(error), err=True)
        return 1
    player = Player(publisher, District(register, quantities, options.seed, tuple(scenarios)))
    player.start()
    deadline_s = time.monotonic() + (options.seconds or float("inf"))
    while not stopping.wait(_POLL_S) and time.monotonic() < deadline_s and player.failure is None:
        pass
    player.stop()
    publisher.stop()
    typer.echo(f"published {publisher.counts['messages_acknowledged', '']} messages")
    if player.failure:
        typer.echo(str(player.failure), err=True)
    return 1 if player.failure else 0


def _make_scenarios(register: Register, options: SimulationOptions, start_ns: int) -> list[Scenario]:
    scenarios = whole_script(register, start_ns) if options.script else []
    for wanted in options.scenarios:
        name, _, asset = wanted.partition("@")
        scenarios.append(make_scenario(name, register, start_ns, asset=asset or None))
    return scenarios

"""I/O: all settings and district files, loaded and checked as a whole before the program starts.

Input: settings.
Output: `Configuration`, a value that never changes.
Not responsible for: the parts that work with it; `lifeline.runtime.wiring` builds them.
Rejects: a wrong configuration, as one `ConfigError` with every problem of every file.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from alerts.channels.loading import open_channels
from alerts.links import SignedLinks
from alerts.routing.loading import load_routes
from alerts.routing.routes import Routes, check_recipients
from collector.decoding.entry_points import load_decoders
from collector.decoding.subscriptions import compile_subscriptions
from config.errors import ConfigError, Problem
from config.loading import load_quantities, load_register
from config.quantities import Quantity
from config.register import Register
from config.settings import Settings
from rules.loading.loading import load_rules
from rules.rule import RuleSet, capable_levels

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Configuration:
    """Settings and district, checked together."""

    settings: Settings
    quantities: Mapping[str, Quantity]
    register: Register
    ruleset: RuleSet
    routes: Routes
    version: str
    """Hash of the district's files and of the rules that they are, packs of the program included."""


def load_configuration(settings: Settings) -> Configuration:
    """Return the configuration of one program.

    Raises:
        ConfigError: every problem that could be found; files that depend on a broken one are not judged.
    """
    version = hash_district(settings.district)
    quantities = load_quantities(settings.district)
    register = load_register(settings.district, quantities, settings.time_zone)
    channels = [channel.name for channel in settings.channels]
    problems: list[Problem] = []
    ruleset = _try(problems, lambda: load_rules(settings.district / "rules.yaml", register, quantities))
    routes = _try(problems, lambda: load_routes(settings.district / "routes.yaml", channels))
    _try(problems, lambda: _check_subscriptions(settings))
    _try(problems, lambda: open_channels(settings.channels, SignedLinks("http://127.0.0.1", b"")))
    if ruleset is not None and routes is not None:
        _try(problems, lambda: check_recipients(routes, register, capable_levels(ruleset, register)))
    if hash_district(settings.district) != version:
        problems.append(_make_changing_problem(settings.district))
    if problems or ruleset is None or routes is None:
        raise ConfigError(problems)
    version = hashlib.sha256(f"{version} {ruleset.version}".encode()).hexdigest()[:16]
    return Configuration(settings, quantities, register, ruleset, routes, version)


def _check_subscriptions(settings: Settings) -> None:
    """Raise ConfigError when a decoder is unknown, or a subscription does not fit its decoder."""
    subscriptions = settings.mqtt.subscriptions
    compile_subscriptions(subscriptions, load_decoders(subscription.decoder for subscription in subscriptions))


def hash_district(folder: Path) -> str:
    """Return the hash of the files that make the district in `folder`."""
    total = hashlib.sha256()
    for path in sorted([*folder.glob("*.csv"), *folder.glob("*.yaml")]):
        content = path.read_bytes()
        total.update(f"{path.name} {len(content)}\n".encode())
        total.update(content)
    return total.hexdigest()[:16]


def _make_changing_problem(folder: Path) -> Problem:
    remedy = "wait until it is written and load it again"
    return Problem(str(folder), 0, "(folder)", "files that stay as they are", "one that changed meanwhile", remedy)


def _try(problems: list[Problem], load: Callable[[], T]) -> T | None:
    try:
        return load()
    except ConfigError as error:
        problems += error.problems
        return None

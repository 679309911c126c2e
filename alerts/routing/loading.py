"""I/O: `Routes` from a file routes.yaml.

Input: the path of the file and the names of the configured channels.
Output: `Routes`.
Not responsible for: the contacts of a role (`alerts.routing.routes.check_recipients`).
Rejects: unknown keys, unknown channels and contradictory entries, all of them in one `ConfigError` with their lines.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from alerts.routing.routes import Route, Routes
from config.document import Document
from config.errors import ConfigError, Problem
from config.files import read_yaml
from config.levels import WarningLevel
from config.register import Role
from config.validation import problems_from_validation
from rules.events import Dimension

SETTLE_S = 1800.0
"""Default settle time; assumed: within half an hour a return is news only if it is worse."""

_STRICT = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class RouteEntry(BaseModel):
    """One entry of routes.yaml."""

    model_config = _STRICT

    name: str = Field(pattern=r"^[a-z0-9_-]{1,48}$")
    """Its name in decisions."""
    dimension: Dimension
    """hazard or health."""
    levels: tuple[Literal["red", "orange", "yellow", "blue"], ...] = ()
    """Levels of a hazard; health has no levels."""
    domains: tuple[str, ...] = ()
    """Domains of assets; an empty list means all domains."""
    roles: tuple[Role, ...] = ()
    """Roles that get the message at once."""
    channels: tuple[str, ...] = ()
    """Channels to the roles, all at the same time."""
    targets: tuple[str, ...] = ()
    """Channels that are the target themselves, e.g. a webhook."""
    fallback: tuple[str, ...] = ()
    """Channels of the same sort, tried in order when a channel rejects the message or gives up."""
    next_roles: tuple[Role, ...] = ()
    """Roles on standby: one after another, each when an earlier orange or red message does not arrive."""
    realarm_s: float | None = Field(default=None, ge=0, le=86_400)
    """Time until a reminder of an unacknowledged hazard; 0 means never. The default depends on the level."""
    group: bool | None = None
    """Whether alarms of one asset and one kind of danger make one incident. The default is true for roles and false
    for targets, because machines distinguish alerts by their ids."""
    language: Literal["zh", "en"] = "zh"
    """Language of messages to targets; contacts have their own language."""
    optional: bool = False
    """Whether the route is left out, instead of an error, when one of its channels is not configured."""


class RoutesFile(BaseModel):
    """The whole of routes.yaml."""

    model_config = _STRICT

    routes: tuple[RouteEntry, ...] = Field(min_length=1)
    """Every route that matches counts, whatever their order."""
    settle_s: float = Field(default=SETTLE_S, ge=0, le=86_400)
    """Settle time: duration without a return until the end of an alarm is announced; 0: at once."""


def load_routes(path: Path, channels: Collection[str]) -> Routes:
    """Return the routes in the file at `path`.

    Args:
        path: routes.yaml of a district.
        channels: names of the configured channels.

    Raises:
        ConfigError: every error in the file, with its line.
    """
    document = read_yaml(path)
    try:
        spec = RoutesFile.model_validate(document.value if document.value is not None else {})
    except ValidationError as error:
        raise ConfigError(problems_from_validation(document, error, RoutesFile)) from error
    problems = [
        problem for i, route in enumerate(spec.routes) for problem in _find_problems(document, i, route, channels)
    ]
    problems += _find_repeated_names(document, spec)
    if problems:
        raise ConfigError(problems)
    return Routes(tuple(_make_route(each) for each in spec.routes if not _lacks_channel(each, channels)), spec.settle_s)


def _channel_names(route: RouteEntry) -> Iterator[tuple[str, int, str]]:
    for key in ("channels", "targets", "fallback"):
        for place, name in enumerate(getattr(route, key)):
            yield key, place, name


def _lacks_channel(route: RouteEntry, channels: Collection[str]) -> bool:
    return route.optional and any(name not in channels for _, _, name in _channel_names(route))


def _find_problems(document: Document, i: int, route: RouteEntry, channels: Collection[str]) -> Iterator[Problem]:
    top = ("routes", i)
    if bool(route.levels) != (route.dimension is Dimension.HAZARD):
        expected = "levels for hazard, and none for health"
        remedy = "name the levels, e.g. [orange, red], or remove them"
        got = ", ".join(route.levels) or "no levels"
        yield document.problem((*top, "levels"), expected=expected, got=f"{route.dimension} with {got}", remedy=remedy)
    if bool(route.roles) != bool(route.channels):
        got = "only roles" if route.roles else "only channels"
        yield document.problem(top, expected="roles and channels together", got=got, remedy="name both or neither")
    if not route.channels and not route.targets:
        remedy = "name roles with channels, or targets"
        yield document.problem(top, expected="somebody who is told", got="nobody", remedy=remedy)
    if route.next_roles and not route.roles:
        remedy = "name the roles that are told at once, or remove it"
        yield document.problem((*top, "next_roles"), expected="roles before them", got="none", remedy=remedy)
    if route.fallback and route.channels and route.targets:
        remedy = "make two routes of it, each with its own fallback"
        yield document.problem((*top, "fallback"), expected="channels or targets", got="both", remedy=remedy)
    for key, place, name in _channel_names(route):
        if name not in channels and not route.optional:
            known = ", ".join(sorted(channels)) or "none"
            remedy = f"add a channel named {name} to the settings, or make the route optional"
            yield document.problem(
                (*top, key, place), expected=f"a configured channel ({known})", got=name, remedy=remedy
            )


def _find_repeated_names(document: Document, spec: RoutesFile) -> Iterator[Problem]:
    seen: set[str] = set()
    for i, route in enumerate(spec.routes):
        if route.name in seen:
            expected, remedy = "each name once", "rename one of the two: decisions refer to it"
            yield document.problem(("routes", i, "name"), expected=expected, got=f"{route.name} again", remedy=remedy)
        seen.add(route.name)


def _make_route(spec: RouteEntry) -> Route:
    return Route(
        name=spec.name,
        dimension=spec.dimension,
        levels=frozenset(WarningLevel[key.upper()] for key in spec.levels),
        domains=frozenset(spec.domains),
        roles=spec.roles,
        channels=spec.channels,
        targets=spec.targets,
        fallback=spec.fallback,
        language=spec.language,
        next_roles=spec.next_roles,
        group=spec.group,
        realarm_s=spec.realarm_s,
    )

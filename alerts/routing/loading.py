"""I/O: reads routes.yaml into `Routes`; every error is a `ConfigError`.

Comes in: the file's path and the names of the configured channels. Goes out: `Routes`. Refuses to know who has which
role (`alerts.routing.routes.check_duties`).
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
"""An alarm over for less is not told as over; assumed: within half an hour nothing is told again unless it is worse."""

_STRICT = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class RouteSpec(BaseModel):
    """One entry of routes.yaml."""

    model_config = _STRICT

    name: str = Field(pattern=r"^[a-z0-9_-]{1,48}$")
    """What decisions call it."""
    dimension: Dimension
    """hazard or health."""
    levels: tuple[Literal["red", "orange", "yellow", "blue"], ...] = ()
    """Which levels of a hazard; health has none."""
    domains: tuple[str, ...] = ()
    """Which domains; none named means all."""
    roles: tuple[Role, ...] = ()
    """Who is told."""
    channels: tuple[str, ...] = ()
    """How the roles are told: all channels at the same time."""
    targets: tuple[str, ...] = ()
    """Channels that are the target themselves, e.g. a webhook."""
    fallback: tuple[str, ...] = ()
    """Channels of the same sort, tried in order when one refuses or gives up."""
    next_roles: tuple[Role, ...] = ()
    """Who is told, one after another, each when an orange or red message to somebody before does not arrive."""
    realarm_s: float | None = Field(default=None, ge=0, le=86_400)
    """How long an open, unacknowledged hazard waits until it is told again; 0 never. By default by its level."""
    group: bool | None = None
    """Whether alarms of one asset and one kind of danger are told as one incident; by default yes for roles, no for
    targets, whose receivers tell alerts apart by their ids."""
    language: Literal["zh", "en"] = "zh"
    """Language of messages to targets; contacts have their own."""
    optional: bool = False
    """Left out, instead of an error, when a channel that it names is not configured."""


class RoutesSpec(BaseModel):
    """The whole of routes.yaml."""

    model_config = _STRICT

    routes: tuple[RouteSpec, ...] = Field(min_length=1)
    """Every route that matches counts, whatever their order."""
    settle_s: float = Field(default=SETTLE_S, ge=0, le=86_400)
    """How long an alarm must have been over until its end is told; 0 tells it at once."""


def load_routes(path: Path, channels: Collection[str]) -> Routes:
    """Return the routes in the file at `path`.

    Args:
        path: routes.yaml of a district.
        channels: names of the configured channels.

    Raises:
        ConfigError: everything that is wrong with the file, each with its line.
    """
    document = read_yaml(path)
    try:
        spec = RoutesSpec.model_validate(document.value if document.value is not None else {})
    except ValidationError as error:
        raise ConfigError(problems_from_validation(document, error, RoutesSpec)) from error
    problems = [problem for i, route in enumerate(spec.routes) for problem in _problems(document, i, route, channels)]
    problems += _repeated_names(document, spec)
    if problems:
        raise ConfigError(problems)
    return Routes(tuple(_route(each) for each in spec.routes if not _is_left_out(each, channels)), spec.settle_s)


def _named(route: RouteSpec) -> Iterator[tuple[str, int, str]]:
    for key in ("channels", "targets", "fallback"):
        for place, name in enumerate(getattr(route, key)):
            yield key, place, name


def _is_left_out(route: RouteSpec, channels: Collection[str]) -> bool:
    return route.optional and any(name not in channels for _, _, name in _named(route))


def _problems(document: Document, i: int, route: RouteSpec, channels: Collection[str]) -> Iterator[Problem]:
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
    for key, place, name in _named(route):
        if name not in channels and not route.optional:
            known = ", ".join(sorted(channels)) or "none"
            remedy = f"add a channel named {name} to the settings, or make the route optional"
            yield document.problem(
                (*top, key, place), expected=f"a configured channel ({known})", got=name, remedy=remedy
            )


def _repeated_names(document: Document, spec: RoutesSpec) -> Iterator[Problem]:
    seen: set[str] = set()
    for i, route in enumerate(spec.routes):
        if route.name in seen:
            expected, remedy = "each name once", "rename one of the two: decisions refer to it"
            yield document.problem(("routes", i, "name"), expected=expected, got=f"{route.name} again", remedy=remedy)
        seen.add(route.name)


def _route(spec: RouteSpec) -> Route:
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

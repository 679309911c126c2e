"""Routes from alerts to recipients and channels, and the check that every serious warning has a recipient.

Input: routes checked by `alerts.routing.loading`, and the register.
Output: the routes of an alert.
Not responsible for: files and texts.
Rejects: an asset without a reachable recipient for an orange or red warning, with a `ConfigError`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from config.errors import ConfigError, Problem
from config.levels import WarningLevel
from config.register import Asset, Register, Role
from rules.events import Dimension

REALARM_S = {WarningLevel.ORANGE: 1800.0, WarningLevel.RED: 600.0}
"""Default re-alarm time: from an unacknowledged warning to its reminder; assumed. Lower levels have no reminder."""

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def is_reachable(phone: str) -> bool:
    """Return whether `phone` is a complete number. Source: ITU-T E.164, at most 15 digits after the plus sign."""
    return _E164.fullmatch(phone) is not None


@dataclass(frozen=True, slots=True)
class Route:
    """The roles and targets for alerts of some levels and domains."""

    name: str
    dimension: Dimension
    levels: frozenset[WarningLevel]
    """Which hazard levels; empty for device health, which has none."""
    domains: frozenset[str]
    """Which domains; empty for all."""
    roles: tuple[Role, ...]
    channels: tuple[str, ...]
    """Channels that reach a contact by phone number, all at the same time."""
    targets: tuple[str, ...]
    """Channels that are the target themselves, e.g. a webhook."""
    fallback: tuple[str, ...] = ()
    """Channels of the same sort, tried in order when one cannot deliver."""
    language: str = "zh"
    """Language of messages to `targets`; a contact has its own."""
    next_roles: tuple[Role, ...] = ()
    """Roles on standby: each gets its message on `channels` when an earlier message does not arrive."""
    group: bool | None = None
    """Whether alarms of one incident make one message; None: for people, and not for targets."""
    realarm_s: float | None = None
    """Time until a reminder of an unacknowledged hazard; 0: never, None: by its level."""


@dataclass(frozen=True, slots=True)
class Routes:
    """All routes in the order of the file. Every route that matches counts."""

    routes: tuple[Route, ...]
    settle_s: float = 0.0
    """Settle time: duration without a return until the end of an alarm is announced; 0: at once."""

    def find(self, dimension: Dimension, level: int, domain: str) -> tuple[Route, ...]:
        """Return the routes for an alert of `dimension` and `level` (0 for device health) in `domain`."""
        return tuple(
            route
            for route in self.routes
            if route.dimension is dimension
            and (dimension is Dimension.HEALTH or level in route.levels)
            and (not route.domains or domain in route.domains)
        )

    def find_realarm_s(self, dimension: Dimension, level: int, domain: str) -> float:
        """Return the re-alarm time of an alert, the shortest of its routes; 0 where it has no reminder."""
        default_s = REALARM_S.get(WarningLevel(level), 0.0)
        found = self.find(dimension, level, domain)
        waits_s = [default_s if route.realarm_s is None else route.realarm_s for route in found]
        return min((each for each in waits_s if each), default=0.0)


def check_recipients(routes: Routes, register: Register, capable_levels: Mapping[str, WarningLevel]) -> None:
    """Check that every orange or red warning reaches all its recipients.

    Args:
        routes: roles and channels for each level and domain.
        register: contacts for each role and asset.
        capable_levels: asset id to the highest level that a rule can raise there.

    Raises:
        ConfigError: all gaps of assets that can turn orange or red. A gap is a level without a route to a person.
            Another gap is a role without a contact, or a contact without a usable phone number.
    """
    problems: list[Problem] = []
    for asset_id, highest in capable_levels.items():
        if highest >= WarningLevel.ORANGE:
            problems += _find_asset_problems(routes, register, register.assets[asset_id], highest)
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))


def _find_asset_problems(routes: Routes, register: Register, asset: Asset, highest: WarningLevel) -> Iterator[Problem]:
    needed: dict[Role, None] = {}
    for level in (each for each in (WarningLevel.ORANGE, WarningLevel.RED) if each <= highest):
        people = [route for route in routes.find(Dimension.HAZARD, level, asset.domain) if route.roles]
        if not people:
            yield _missing_route(asset, level)
        needed |= dict.fromkeys(role for route in people for role in (*route.roles, *route.next_roles))
    for route in routes.find(Dimension.HEALTH, 0, asset.domain):
        needed |= dict.fromkeys(route.roles)
    for role in needed:
        yield from _find_role_problems(register, asset, role)


def _find_role_problems(register: Register, asset: Asset, role: Role) -> Iterator[Problem]:
    contacts = register.contacts_for(asset.id, role)
    where = f"asset {asset.id} role {role.value}"
    if not contacts:
        remedy = f"add the line {asset.id},{role.value},<contact id> to duties.csv"
        yield Problem(
            "duties.csv", 0, where, "a contact for a role that an orange or red warning needs", "none", remedy
        )
    for contact in contacts:
        if not is_reachable(contact.phone):
            remedy = f"give contact {contact.id} in contacts.csv a number like +8613800000001"
            got = repr(contact.phone) if contact.phone else "none"
            yield Problem("contacts.csv", 0, f"{where} contact {contact.id}", "a phone number (E.164)", got, remedy)


def _missing_route(asset: Asset, level: WarningLevel) -> Problem:
    return Problem(
        "routes.yaml",
        0,
        f"asset {asset.id} level {level.key}",
        f"a route with roles for hazard, {level.key}, domain {asset.domain}",
        "none",
        f"add {level.key} to the levels, or {asset.domain} to the domains, of a route with roles",
    )

"""Known incidents: announced in time or missed, and the alarms beside them.

Input: the text of a CSV table `asset,sensor,from,to,level`, and episodes.
Output: `IncidentScore`.
Not responsible for: reading files, and alarms of places without a label.
Rejects: a row with a wrong cell, as `ConfigError`.

An incident is announced when an alarm of its place stands at its level or above. This counts from `EARLY_NS` before its
beginning to its end. Lead time is its beginning minus the first such moment: positive where the alarm came first.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from collector.payload import PayloadError
from collector.wire.timestamps import rfc3339_to_ns
from config.errors import ConfigError, Problem
from config.levels import WarningLevel
from config.register import Register
from config.tables import Row, parse_table
from lifeline.backtest.episodes import Episode

EARLY_NS = 3600 * 10**9
"""An alarm that early still belongs to an incident; assumed."""
_LEVELS = {level.key: level for level in WarningLevel if level > WarningLevel.GREEN}


class IncidentKind(Enum):
    """The meaning of a label for the alarms within it."""

    DANGER = auto()
    """The alarms were right: rules must raise them."""
    FALSE_ALARM = auto()
    """The alarms were wrong: rules should not raise them."""
    EXCUSED = auto()
    """A test, or work on the device: neither right nor wrong."""


@dataclass(frozen=True, slots=True)
class KnownIncident:
    """A label of one place and one span of time."""

    place: str
    """Asset id, or sensor id."""
    sensors: frozenset[str]
    """Ids of the sensors with alarms that can announce it."""
    start_ns: int
    end_ns: int
    level: int
    """The lowest level that counts as announced."""
    truth: IncidentKind = IncidentKind.DANGER
    is_complete: bool = True
    """Every danger at its sensors has a label, so that alarms beside them are false."""

    def within(self, start_ns: int, end_ns: int) -> bool:
        """Return whether the span from `start_ns` to `end_ns` overlaps the incident."""
        return self.start_ns <= end_ns and self.end_ns >= start_ns


@dataclass(frozen=True, slots=True)
class IncidentResult:
    """The result for one incident."""

    incident: KnownIncident
    alarm: str
    """The first alarm that announced it; empty when none did."""
    lead_s: float | None
    """Seconds from the alarm to the beginning, negative when it came later; None when none came."""


@dataclass(frozen=True, slots=True)
class IncidentScore:
    """How the alarms stand against the labels."""

    findings: tuple[IncidentResult, ...]
    beside: int
    """Episodes at completely labelled places that overlap no label: false alarms."""
    repeated: int = 0
    """Labelled false alarms that these rules raise again."""
    avoided: int = 0
    """Labelled false alarms that these rules do not raise."""

    @property
    def hits(self) -> int:
        """Incidents that were announced."""
        return sum(finding.lead_s is not None for finding in self.findings)

    @property
    def misses(self) -> int:
        """Incidents that were missed."""
        return len(self.findings) - self.hits


def parse_incidents(text: str, file: str, register: Register) -> list[KnownIncident]:
    """Return the incidents of a table.

    Raises:
        ConfigError: every cell that is wrong.
    """
    table = parse_table(text, file, ("from", "to"), optional=("asset", "sensor", "level"))
    problems = list(table.problems)
    found = []
    for row in table.rows:
        incident = _parse_incident(row, register)
        if isinstance(incident, Problem):
            problems.append(incident)
        else:
            found.append(incident)
    if problems:
        raise ConfigError(problems)
    return found


def score_episodes(incidents: Sequence[KnownIncident], episodes: Sequence[Episode]) -> IncidentScore:
    """Return the score of hazard `episodes` against `incidents`."""
    by_sensor: defaultdict[str, list[Episode]] = defaultdict(list)
    for each in episodes:
        by_sensor[each.sensor].append(each)
    findings = tuple(_score_incident(each, by_sensor) for each in incidents if each.truth is IncidentKind.DANGER)
    wrong = [each for each in incidents if each.truth is IncidentKind.FALSE_ALARM]
    repeated = sum(_score_incident(each, by_sensor, early_ns=0).lead_s is not None for each in wrong)
    return IncidentScore(findings, _count_beside(incidents, by_sensor), repeated, len(wrong) - repeated)


def _count_beside(incidents: Sequence[KnownIncident], by_sensor: dict[str, list[Episode]]) -> int:
    """Return how many episodes of completely labelled sensors overlap no label."""
    of_sensor: defaultdict[str, list[KnownIncident]] = defaultdict(list)
    for incident in incidents:
        for sensor in incident.sensors:
            of_sensor[sensor].append(incident)
    complete = {sensor for incident in incidents if incident.is_complete for sensor in incident.sensors}
    return sum(
        not any(_overlaps(each, incident) for incident in of_sensor[sensor])
        for sensor in complete
        for each in by_sensor.get(sensor, ())
    )


def _score_incident(
    incident: KnownIncident, by_sensor: dict[str, list[Episode]], early_ns: int = EARLY_NS
) -> IncidentResult:
    first = min(
        (
            (time_ns, each.alarm)
            for sensor in incident.sensors
            for each in by_sensor.get(sensor, ())
            for time_ns in _find_announcement(each, incident, early_ns)
        ),
        default=None,
    )
    if first is None:
        return IncidentResult(incident, "", None)
    return IncidentResult(incident, first[1], (incident.start_ns - first[0]) / 1e9)


def _find_announcement(episode: Episode, incident: KnownIncident, early_ns: int) -> Iterator[int]:
    """Yield when `episode` first stands high enough within the incident; at most once."""
    begin_ns = incident.start_ns - early_ns
    for i, (time_ns, level) in enumerate(episode.transitions):
        until_ns = episode.transitions[i + 1][0] if i + 1 < len(episode.transitions) else None
        lasts = until_ns is None or until_ns > begin_ns
        if level >= incident.level and lasts and time_ns <= incident.end_ns:
            yield max(time_ns, begin_ns)
            return


def _overlaps(episode: Episode, incident: KnownIncident) -> bool:
    return episode.start_ns <= incident.end_ns and not episode.ends_before(incident.start_ns - EARLY_NS)


def _parse_incident(row: Row, register: Register) -> KnownIncident | Problem:
    asset, sensor, level = row["asset"], row["sensor"], row["level"]
    if (asset in register.assets) == (sensor in register.sensor_index):
        expected = "either the id of an asset or the id of a sensor of the register"
        return row.problem("asset", expected=expected, remedy="fill one of the two", got=f"{asset!r} and {sensor!r}")
    if level and level not in _LEVELS:
        return row.problem("level", expected=f"nothing or one of {', '.join(_LEVELS)}", remedy="write one of them")
    times = []
    for column in ("from", "to"):
        try:
            times.append(rfc3339_to_ns(row[column]))
        except PayloadError as error:
            return row.problem(column, expected="a time such as 2025-03-24T08:01:02+08:00", remedy=str(error))
    if times[1] < times[0]:
        return row.problem("to", expected="a time not before `from`", remedy="exchange them")
    sensors = frozenset({sensor} if sensor else {each.id for each in register.sensors if each.asset == asset})
    return KnownIncident(sensor or asset, sensors, times[0], times[1], int(_LEVELS.get(level, WarningLevel.BLUE)))

"""Rules bound to sensors, from rules as they are written; or problems with their places and reasons.

Input: documents, register, quantities.
Output: `Rule`s and `Problem`s, all of them at once.
Not responsible for: files.
Rejects: rules that cannot work, each as a `Problem`.
"""

import difflib
import typing
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ValidationError

from config.document import Document, Path
from config.errors import Problem
from config.quantities import Quantity
from config.register import Register, Sensor
from config.validation import problems_from_validation, shown
from rules.admission.admission import heartbeats_of
from rules.events import Dimension
from rules.kind import Fault, KindOptions
from rules.kinds import RULE_KINDS
from rules.level_options import LimitOptions
from rules.loading.units import WrittenUnit, convert_units, insert_numbers, strip_units
from rules.references import reference_faults
from rules.risk import is_watched
from rules.rule import Rule
from rules.rule_file import RuleHead, Where

M = typing.TypeVar("M", bound=BaseModel)

_MOST_COMPARED = 5_000
"""Largest number of names to compare with an unknown one; assumed: 120,000 sensors would take a second each time."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A rule and the place where it is written."""

    rule: Rule
    document: Document
    path: Path


@dataclass(slots=True)
class Binder:
    """Binds the rules of several documents to one register."""

    register: Register
    quantities: Mapping[str, Quantity]
    bound: list[Bound] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    _measures: dict[tuple[str, str], list[Sensor]] | None = None
    """The sensors of each asset and quantity, sorted at first use."""
    _numbers: dict[str | None, list[int]] = field(default_factory=dict)
    """The sensors of each quantity, and of None all sensors: a city has 120,000, and each rule searches them."""
    _heartbeats: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Sort the sensors once."""
        self._heartbeats = heartbeats_of(self.register)
        for number, sensor in enumerate(self.register.sensors):
            self._numbers.setdefault(sensor.quantity, []).append(number)
        self._numbers[None] = list(range(len(self.register.sensors)))

    def add(self, document: Document, entries: Sequence[object], *, must_bind: bool) -> None:
        """Bind `entries`, the list `rules` of `document`; with `must_bind` a rule without a sensor is a problem."""
        for i, entry in enumerate(entries):
            path: Path = ("rules", i)
            found = self._bind(document, path, entry)
            if found is None:
                continue
            if must_bind and not found.rule.sensors:
                remedy = "correct quantity and `where`, or remove the rule"
                self._add_problem(document, path, "at least one sensor of the register", "none", remedy)
            self.bound.append(found)

    def check_all(self) -> None:
        """Find problems between rules: the same id twice, a sensor with two health rules of a kind."""
        by_id: dict[str, Bound] = {}
        watched: dict[tuple[str, int], str] = {}
        for each in self.bound:
            before = by_id.setdefault(each.rule.id, each)
            if before is not each:
                place = f"{before.document.file}:{before.document.line(before.path)}"
                remedy = "rename one: an id is the identity of its alarms"
                self._add_problem(each.document, (*each.path, "id"), f"an id not used at {place}", each.rule.id, remedy)
            self._check_health(each, watched)
        for rule, fault in reference_faults([each.rule for each in self.bound]):
            each = next(each for each in self.bound if each.rule is rule)
            self._add_problem(each.document, each.path + fault.path, fault.expected, fault.got, fault.remedy)

    def _check_health(self, each: Bound, watched: dict[tuple[str, int], str]) -> None:
        if RULE_KINDS[each.rule.kind].dimension is not Dimension.HEALTH:
            return
        for number in each.rule.sensors:
            before = watched.setdefault((each.rule.kind, number), each.rule.id)
            if before != each.rule.id:
                got = f"{self.register.sensors[number].id}, already judged by {before}"
                remedy = "narrow `where` of one of them"
                expected = f"sensors that no other {each.rule.kind} rule judges"
                self._add_problem(each.document, each.path, expected, got, remedy)
                return

    def _bind(self, document: Document, path: Path, entry: object) -> Bound | None:
        if not isinstance(entry, dict):
            self._add_problem(document, path, "a mapping", shown(entry), "write `id: ...` and the other keys of a rule")
            return None
        # A rule without a kind is reported once, below.
        written_head = {"kind": ""} | {k: v for k, v in entry.items() if k in RuleHead.model_fields}
        head = self._validate(document, path, RuleHead, written_head)
        kind = RULE_KINDS.get(str(entry.get("kind")))
        if kind is None:
            remedy = _suggest(str(entry.get("kind")), RULE_KINDS, "choose one of them")
            self._add_problem(document, (*path, "kind"), _one_of(RULE_KINDS), shown(entry.get("kind")), remedy)
            return None
        rest = {k: v for k, v in entry.items() if k not in RuleHead.model_fields}
        if "utc_offset_h" in kind.options.model_fields:
            rest = {"utc_offset_h": self.register.city.standard_offset_h} | rest
        plain, written = strip_units(rest)
        options = self._validate(document, path, kind.options, plain)
        if head is None or options is None or not self._names_are_known(document, path, head):
            return None
        if written:
            options = self._convert(document, path, head, options, plain=plain, written=written)
        if options is None:
            return None
        rule = self._rule(head, options, f"{document.file}:{document.line(path)}")
        sensors = [self.register.sensors[number] for number in rule.sensors]
        faults = [*typing.cast("KindOptions", options).faults(rule.quantity, sensors), *_season_faults(head, options)]
        faults += kind.among(options, sensors, self.register) if kind.among else ()
        for fault in faults:
            self._add_problem(document, path + fault.path, fault.expected, fault.got, fault.remedy)
        return Bound(rule, document, path)

    def _convert(
        self,
        document: Document,
        path: Path,
        head: RuleHead,
        options: M,
        *,
        plain: Mapping[str, object],
        written: Sequence[WrittenUnit],
    ) -> M | None:
        """Return `options` with the numbers written with a unit, in the unit of the limits."""
        quantity = self.quantities[head.quantity] if head.quantity else None
        numbers, faults = convert_units(
            written, quantity, typing.cast("KindOptions", options).judged_quantity(quantity)
        )
        for fault in faults:
            self._add_problem(document, path + fault.path, fault.expected, fault.got, fault.remedy)
        return None if faults else self._validate(document, path, type(options), insert_numbers(plain, numbers))

    def _rule(self, head: RuleHead, options: BaseModel, written_at: str) -> Rule:
        kind_options, sensors = typing.cast("KindOptions", options), self.register.sensors
        watched = [
            number
            for number in self._numbers.get(head.quantity, ())
            if self._passes(head, sensors[number]) and kind_options.binds(sensors[number], self._heartbeats)
        ]
        one_for = RULE_KINDS[head.kind].one_for
        if one_for is not None:
            last = {one_for(options, sensors[number]): number for number in reversed(watched)}
            watched = sorted(last.values())
        quantity = self.quantities[head.quantity] if head.quantity else None
        judged = kind_options.judged_quantity(quantity)
        return Rule(
            head.id,
            head.kind,
            head.title.zh,
            head.title.en,
            head.advice.zh,
            head.advice.en,
            quantity,
            tuple(watched),
            kind_options.limits(),
            options,
            None if judged is quantity else judged,
            head.active.at_home(self.register.city) if head.active else None,
            written_at,
        )

    def _passes(self, head: RuleHead, sensor: Sensor) -> bool:
        asset, where = self.register.assets[sensor.asset], head.where
        return (
            where.domain in {None, asset.domain}
            and (where.asset_kinds is None or asset.kind in where.asset_kinds)
            and (where.assets is None or asset.id in where.assets)
            and (where.sensors is None or sensor.id in where.sensors)
            and where.watch in {None, is_watched(asset)}
            and where.design in {None, bool(sensor.design)}
            and all(self._has_beside(sensor, each) for each in where.beside or ())
            and not any(self._has_beside(sensor, each) for each in where.without or ())
        )

    def _has_beside(self, sensor: Sensor, quantity: str) -> bool:
        """Return whether the device of `sensor`, or else its asset, has exactly one other sensor of `quantity`."""
        if self._measures is None:
            self._measures = {}
            for each in self.register.sensors:
                self._measures.setdefault((each.asset, each.quantity), []).append(each)
        others = [each for each in self._measures.get((sensor.asset, quantity), ()) if each.id != sensor.id]
        return len(others) == 1 or [each.device for each in others].count(sensor.device) == 1

    def _names_are_known(self, document: Document, path: Path, head: RuleHead) -> bool:
        n_before = len(self.problems)
        if head.quantity is not None and head.quantity not in self.quantities:
            remedy = _suggest(head.quantity, self.quantities, "correct it, or add it to the district's quantities.yaml")
            self._add_problem(document, (*path, "quantity"), "a quantity of the catalogue", head.quantity, remedy)
        named = {"beside": head.where.beside or (), "without": head.where.without or ()}
        for key, i, name in [(key, i, name) for key, names in named.items() for i, name in enumerate(names)]:
            if name not in self.quantities:
                remedy = _suggest(name, self.quantities, "correct it, or add it to the district's quantities.yaml")
                place = (*path, "where", key, i)
                self._add_problem(document, place, "a quantity of the catalogue", name, remedy)
        for where, name, known in _unknown_names(head.where, self.register):
            remedy = _suggest(name, known, "correct it, or add it to the register")
            self._add_problem(document, path + where, "an id of the register", name, remedy)
        return len(self.problems) == n_before

    def _validate(self, document: Document, path: Path, model: type[M], values: Mapping[str, object]) -> M | None:
        try:
            return model.model_validate(values)
        except ValidationError as error:
            beside = () if model is RuleHead else RuleHead.model_fields
            self.problems += problems_from_validation(document, error, model, path, beside)
            return None

    def _add_problem(self, document: Document, path: Path, expected: str, got: str, remedy: str) -> None:
        self.problems.append(document.problem(path, expected=expected, got=got, remedy=remedy))


def _season_faults(head: RuleHead, options: BaseModel) -> Iterator[Fault]:
    if head.active is not None and not isinstance(options, LimitOptions):
        remedy = "remove it; a composite may name a rule that has a season"
        yield Fault(("active",), "a rule that compares values with limits", head.kind, remedy)


def _unknown_names(where: Where, register: Register) -> Iterator[tuple[Path, str, Collection[str]]]:
    for i, name in enumerate(where.assets or ()):
        if name not in register.assets:
            yield ("where", "assets", i), name, register.assets
    for i, name in enumerate(where.sensors or ()):
        if name not in register.sensor_index:
            yield ("where", "sensors", i), name, register.sensor_index


def _one_of(names: Iterable[str]) -> str:
    return f"one of {', '.join(sorted(names))}"


def _suggest(name: str, known: Collection[str], otherwise: str) -> str:
    """Return the remedy for an unknown `name`: a similar known name, where the search is not too long."""
    close = difflib.get_close_matches(name, known, 1) if len(known) <= _MOST_COMPARED else []
    return f"did you mean {close[0]}?" if close else otherwise

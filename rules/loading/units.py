"""Limits and deadbands with their unit, `50 kPa`, as numbers in the unit of the limits.

Input: the keys of a rule as they are written.
Output: the keys with numbers, or faults of units that do not fit.
Not responsible for: kinds and files.
Rejects: a unit of another quantity, as a fault.

>>> plain, found = strip_units({"levels": [{"limit": "50 kPa"}]})
>>> plain, found
({'levels': [{'limit': 50.0}]}, [WrittenUnit(path=('levels', 0, 'limit'), number=50.0, unit='kPa')])
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from config.document import Path
from config.quantities import Quantity
from rules.kind import Fault

_NUMBER = r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?"
_WRITTEN = re.compile(rf"\s*({_NUMBER})\s*([^\W\d_]\S*|[%°µ]\S*)\s*")
_KEYS = ("limit", "deadband", "deadband_most")
_DIFFERENCES = _KEYS[1:]


@dataclass(frozen=True, slots=True)
class WrittenUnit:
    """A number that is written with its unit."""

    path: Path
    """Below the rule."""
    number: float
    unit: str


def strip_units(entry: Mapping[str, object]) -> tuple[dict[str, object], list[WrittenUnit]]:
    """Return `entry` with the bare numbers of its levels, and the numbers written with a unit."""
    levels = entry.get("levels")
    if not isinstance(levels, list):
        return dict(entry), []
    found = list(_find_units(levels))
    return insert_numbers(entry, {each.path: each.number for each in found}), found


def insert_numbers(entry: Mapping[str, object], numbers: Mapping[Path, float]) -> dict[str, object]:
    """Return `entry` with `numbers` in their places in its levels."""
    levels = entry.get("levels")
    if not numbers or not isinstance(levels, list):
        return dict(entry)
    changed = [
        {**level, **{key: numbers["levels", i, key] for key in _KEYS if ("levels", i, key) in numbers}}
        if isinstance(level, dict)
        else level
        for i, level in enumerate(levels)
    ]
    return {**entry, "levels": changed}


def convert_units(
    found: Sequence[WrittenUnit], quantity: Quantity | None, judged: Quantity | None
) -> tuple[dict[Path, float], list[Fault]]:
    """Return the numbers in the unit of the limits, and faults of units of another quantity.

    Args:
        found: the numbers written with a unit.
        quantity: of the rule; its family of units counts where the limits are in the quantity itself.
        judged: the quantity of the limits; one derived from the quantity has only its own unit.
    """
    numbers: dict[Path, float] = {}
    faults: list[Fault] = []
    for each in found:
        is_itself = judged is quantity and quantity is not None
        known = dict(quantity.accepts) if is_itself and quantity else {judged.unit: (1.0, 0.0)} if judged else {}
        own = quantity.conversion(each.unit) if is_itself and quantity else known.get(each.unit)
        conversion = own or ((1.0, 0.0) if judged and each.unit == judged.unit else None)
        if conversion is None:
            names = ", ".join(sorted({*known, *([judged.unit] if judged else [])})) or "no unit"
            remedy = "give it in one of these, or as a number"
            faults.append(Fault(each.path, f"a number in {names}", f"{each.number:g} {each.unit}", remedy))
            continue
        scale, offset = conversion
        # A deadband is a difference: zero of one unit is zero of the other.
        numbers[each.path] = each.number * scale + (0.0 if each.path[-1] in _DIFFERENCES else offset)
    return numbers, faults


def _find_units(levels: Sequence[object]) -> Iterator[WrittenUnit]:
    for i, level in enumerate(levels):
        for key in _KEYS if isinstance(level, dict) else ():
            value = level.get(key) if isinstance(level, dict) else None
            match = _WRITTEN.fullmatch(value) if isinstance(value, str) else None
            if match:
                yield WrittenUnit(("levels", i, key), float(match[1]), match[2])

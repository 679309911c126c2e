"""A rule file: pydantic models of the keys that every rule has; each kind adds its own.

Input: plain values from YAML.
Output: checked models.
Not responsible for: the register.
Rejects: unknown keys, and ids that are not lower-case words.
"""

import re
import typing

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from rules.season import Season

_Name = typing.Annotated[str, Field(min_length=1)]
_ID = r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*"
_LONGEST_ID = 80


def _rule_id(written: object) -> object:
    if isinstance(written, str) and len(written) <= _LONGEST_ID and re.fullmatch(_ID, written):
        return written
    expected = f"lower-case words joined by dots and underscores, at most {_LONGEST_ID} characters"
    context = {"expected": expected, "remedy": "rename it, such as bridge.deck_frost"}
    raise PydanticCustomError("rule_id", "not an id", context)


RuleId = typing.Annotated[
    str,
    BeforeValidator(_rule_id),
    WithJsonSchema({"type": "string", "pattern": f"^{_ID}$", "maxLength": _LONGEST_ID}),
]
"""The identity of a rule."""


class Text(BaseModel):
    """The same sentence in both languages."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    zh: _Name
    """Chinese."""
    en: _Name
    """English."""


class Where(BaseModel):
    """Filters that a sensor must all pass; a filter that is left out passes every sensor."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    domain: str | None = None
    """Domain of the asset, as in assets.csv."""
    asset_kinds: tuple[_Name, ...] | None = Field(default=None, min_length=1)
    """Kinds of the asset, as in assets.csv."""
    assets: tuple[_Name, ...] | None = Field(default=None, min_length=1)
    """Ids of assets."""
    sensors: tuple[_Name, ...] | None = Field(default=None, min_length=1)
    """Ids of sensors."""
    watch: bool | None = None
    """Whether the asset is on the watch-list: a listed hazard point of orange or red."""
    design: bool | None = None
    """Whether the sensor has a design value."""
    beside: tuple[_Name, ...] | None = Field(default=None, min_length=1)
    """Quantities of which its device, or else its asset, has exactly one other sensor."""
    without: tuple[_Name, ...] | None = Field(default=None, min_length=1)
    """Quantities of which neither has exactly one: the opposite of `beside`."""


class RuleHead(BaseModel):
    """The keys of a rule of any kind."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    id: RuleId
    """Lower-case words joined by dots and underscores; with the sensor's id the identity of an alarm."""
    kind: str
    """The kind of rule."""
    quantity: str | None = None
    """Name in the catalogue of quantities; only sensors of it are watched."""
    where: Where = Where()
    """Filters that a sensor must all pass."""
    active: Season | None = None
    """The part of the year in which levels start; left out: the whole year."""
    title: Text
    """Title of the alarm."""
    advice: Text
    """Advice for the people on call."""


class PackFile(BaseModel):
    """A file of rules that any district can use."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    rules: tuple[object, ...]
    """Rules, one after the other."""


class DistrictFile(BaseModel):
    """The rules of one district: packs by name, and its own."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    packs: tuple[_Name, ...] = ()
    """Packs that ship with the program."""
    rules: tuple[object, ...] = ()
    """Rules of its own."""

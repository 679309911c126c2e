"""JSON Schemas of rules files and of files of rule tests, for editors that complete and check.

Input: the table of rule kinds.
Output: plain values.
Not responsible for: checks that need the register, the catalogue or another rule; `lifeline check` has them.
Rejects: nothing.
"""

import typing
from collections.abc import Mapping

from pydantic import BaseModel, TypeAdapter

from rules.kinds import RULE_KINDS
from rules.level_options import LimitOptions
from rules.loading.test_file import RuleTestFile
from rules.rule_file import DistrictFile, RuleHead

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

_BELOW = "#/$defs/"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def rules_schema() -> dict[str, Json]:
    """Return the schema of a district's `rules.yaml` or of a pack: each kind has its own keys."""
    schema = _of(DistrictFile)
    definitions = _definitions(schema)
    schema["title"] = "Rules of a Lifeline district"
    schema["properties"] = {**_as_mapping(schema["properties"]), "rules": _rules(definitions)}
    schema["$defs"] = definitions
    return schema


def schema_of_tests() -> dict[str, Json]:
    """Return the schema of a file of rule tests."""
    schema = _of(RuleTestFile)
    definitions = _definitions(schema)
    schema["title"] = "Tests of Lifeline rules"
    schema["properties"] = {**_as_mapping(schema["properties"]), "rules": _rules(definitions)}
    schema["$defs"] = definitions
    return schema


def _rules(definitions: dict[str, Json]) -> Json:
    """Return a list of rules, separated by `kind`, and put their definitions into `definitions`."""
    head = _of(RuleHead)
    definitions |= _definitions(head)
    kinds: dict[str, Json] = {}
    for name, kind in RULE_KINDS.items():
        own = _separate_definitions(_of(kind.options), name, definitions)
        word: dict[str, Json] = {"const": name, "description": "What the rule looks for."}
        keys = {
            **_as_mapping(head["properties"]),
            "kind": word,
            **_describe(_as_mapping(own.get("properties")), kind.options),
        }
        needed = [*_as_list(head.get("required")), *_as_list(own.get("required"))]
        definitions[f"rule_{name}"] = {
            "title": name,
            "description": own.get("description", ""),
            "type": "object",
            "properties": keys,
            "required": needed,
            "additionalProperties": False,
        }
        kinds[name] = {"$ref": f"{_BELOW}rule_{name}"}
    words: Json = list(kinds)
    # A chain of conditions rather than `oneOf`: an editor then names the wrong key instead of fifteen wrong kinds.
    branches: Json = [
        {"if": {"properties": {"kind": {"const": name}}, "required": ["kind"]}, "then": reference}
        for name, reference in kinds.items()
    ]
    item: dict[str, Json] = {
        "type": "object",
        "properties": {"kind": {"enum": words, "description": "What the rule looks for."}},
        "required": ["kind"],
        "allOf": branches,
    }
    return {"type": "array", "items": item, "description": "Rules, one after the other."}


def _separate_definitions(own: dict[str, Json], kind: str, definitions: dict[str, Json]) -> dict[str, Json]:
    """Put the definitions of `own` into `definitions`; a name that another kind uses gets the name of the kind."""
    mine = _definitions(own)
    taken = {name: f"{name}_{kind}" for name, value in mine.items() if definitions.get(name, value) != value}
    for name, value in mine.items():
        definitions[taken.get(name, name)] = _rename(value, taken)
    return _as_mapping(_rename(own, taken))


def _rename(value: Json, taken: Mapping[str, str]) -> Json:
    if isinstance(value, list):
        return [_rename(each, taken) for each in value]
    if not isinstance(value, dict):
        return value
    inner = {key: _rename(each, taken) for key, each in value.items()}
    reference = inner.get("$ref")
    name = reference.removeprefix(_BELOW) if isinstance(reference, str) else ""
    return {**inner, "$ref": f"{_BELOW}{taken[name]}"} if name in taken else inner


def _describe(properties: dict[str, Json], model: type[BaseModel]) -> dict[str, Json]:
    """Return `properties`; a key without own words has the words of the shared key."""
    shared = {name: field.description for name, field in LimitOptions.model_fields.items()}
    own = {field.alias or name: field.description for name, field in model.model_fields.items()}
    return {
        name: {"description": own.get(name) or shared.get(name), **_as_mapping(each)}
        for name, each in properties.items()
    }


def _of(model: type[BaseModel]) -> dict[str, Json]:
    schema = typing.cast("dict[str, Json]", TypeAdapter(model).json_schema(mode="validation"))
    return {"$schema": _DIALECT, **schema}


def _definitions(schema: dict[str, Json]) -> dict[str, Json]:
    return dict(_as_mapping(schema.pop("$defs", {})))


def _as_mapping(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _as_list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []

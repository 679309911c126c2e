"""Environment variables as settings: `LIFELINE_MQTT__PORT=8883` is the value of `mqtt.port`.

Input: variables and their texts.
Output: nested plain values; the variable of each setting.
Not responsible for: the YAML file, and checking the values.
Rejects: variables that name no setting.
"""

import difflib
import typing
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsError

from config.errors import Problem
from config.settings import Settings
from config.validation import models_at

PREFIX = "LIFELINE_"
DELIMITER = "__"


@dataclass(frozen=True, slots=True)
class Overrides:
    """Settings from the environment."""

    values: dict[str, object]
    origins: Mapping[str, str]
    """Setting, e.g. `mqtt.port`, to the variable that gave it."""
    problems: list[Problem]


def read_overrides(environ: Mapping[str, str]) -> Overrides:
    """Return the settings in `environ`; other variables and empty ones do not count."""
    values: dict[str, object] = {}
    origins: dict[str, str] = {}
    problems: list[Problem] = []
    for variable in sorted(environ):
        if not variable.upper().startswith(PREFIX) or not environ[variable]:
            continue
        path = variable[len(PREFIX) :].lower().split(DELIMITER)
        problem = _unknown(variable, path)
        if problem is None:
            try:
                values = merged(values, _values(variable, environ[variable]))
                origins[".".join(path)] = variable
            except SettingsError:
                problem = Problem(variable, 0, ".".join(path), "JSON", "something else", "write a JSON list or mapping")
        if problem is not None:
            problems.append(problem)
    return Overrides(values, origins, problems)


def merged(below: Mapping[str, object], above: Mapping[str, object]) -> dict[str, object]:
    """Return both mappings as one, key by key at every depth; where both have a plain value, `above` wins."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def _values(variable: str, text: str) -> dict[str, object]:
    # EnvSettingsSource asks a settings class only for its fields, and any model has those.
    source = EnvSettingsSource(
        typing.cast("type[BaseSettings]", Settings), env_prefix=PREFIX, env_nested_delimiter=DELIMITER
    )
    source.env_vars = {variable.lower(): text}
    return source()


def _unknown(variable: str, path: list[str]) -> Problem | None:
    for i, step in enumerate(path):
        known = {name for model in models_at(Settings, tuple(path[:i])) for name in model.model_fields}
        if known and step not in known:
            close = difflib.get_close_matches(step, known, 1)
            good = PREFIX + DELIMITER.join([*path[:i], *close]).upper()
            remedy = f"did you mean {good}?" if close else "unset it or correct its spelling"
            return Problem(variable, 0, ".".join(path), "the name of a setting", f"the unknown name {step}", remedy)
    return None

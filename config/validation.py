"""Errors of pydantic as problems with file, line, path, expected value, found value and remedy.

Input: a `Document`, and the `ValidationError` of a model made from it.
Output: `Problem`s.
Not responsible for: showing secrets.
Rejects: nothing.
"""

import difflib
import re
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from config.document import Document, Path
from config.errors import Problem

_SECRET = re.compile(r"password|passphrase|secret|token|credential|authorization|api_?key", re.IGNORECASE)

_EXPECTED = {
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "text (put it in quotes)",
    "too_short": "at least {min_length} in it",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "string_pattern_mismatch": "text that matches {pattern}",
}
"""Type of pydantic's error to the expected value, where its own words speak of Python."""


def is_secret_name(name: str) -> bool:
    """Tell whether a setting of this name holds something that must never be shown; a `*_file` name does not."""
    return bool(_SECRET.search(name)) and not name.endswith("_file")


def mask_url(url: str) -> str:
    """Return `url` with the password in its user part, and secrets among its parameters, replaced by stars."""
    url = re.sub(r"//([^/@:]*):[^/]*@", r"//\1:***@", url)
    return re.sub(rf"([?&][^=&]*(?:{_SECRET.pattern})[^=&]*=)[^&]*", r"\1***", url, flags=re.IGNORECASE)


def problems_from_validation(
    document: Document,
    error: ValidationError,
    model: type[BaseModel] | None = None,
    prefix: Path = (),
    beside: Iterable[str] = (),
) -> list[Problem]:
    """Return one problem for each thing that pydantic found.

    Args:
        document: where the validated values came from.
        error: the exception of their validation. A `PydanticCustomError` with `expected` and `remedy` in its context
            chooses the words; anything else gets pydantic's own.
        model: the validated model, to name the keys that would have been right.
        prefix: where in the document the validated value stands, e.g. `("rules", 3)`.
        beside: keys at the top of the validated value that are right too, and that another model reads.
    """
    errors = error.errors(include_url=False)
    # A list whose only item is wrong is also too short, to pydantic: the item is what to correct.
    places = {each["loc"][:length] for each in errors for length in range(len(each["loc"]))}
    real = [each for each in errors if each["type"] != "too_short" or each["loc"] not in places]
    return [_problem(document, each, model, prefix, beside) for each in real]


def _problem(
    document: Document, details: ErrorDetails, model: type[BaseModel] | None, prefix: Path, beside: Iterable[str]
) -> Problem:
    inner = _inner_path(document, prefix, details)
    path = prefix + inner
    known = [*_known_keys(model, inner[:-1]), *(beside if len(inner) == 1 else ())]
    expected, remedy = _words(details, path, known)
    return document.problem(path, expected=expected, got=_got(details, path), remedy=remedy)


def _inner_path(document: Document, prefix: Path, details: ErrorDetails) -> Path:
    """Drop the steps that pydantic adds for unions and validators: the document does not have them."""
    path: Path = ()
    for i, step in enumerate(details["loc"]):
        is_missing_key = details["type"] == "missing" and i == len(details["loc"]) - 1
        if is_missing_key or _has(document, (*prefix, *path, step)):
            path = (*path, step)
    return path


def _has(document: Document, path: Path) -> bool:
    try:
        document.at(path)
    except LookupError:
        return False
    return True


def _words(details: ErrorDetails, path: Path, known: list[str]) -> tuple[str, str]:
    """Return the expected value and the remedy."""
    context = details.get("ctx", {})
    name = str(path[-1]) if path else "the document"
    if "expected" in context and "remedy" in context:
        return str(context["expected"]), str(context["remedy"])
    if details["type"] == "missing":
        return "a value", f"add the key {name}"
    if details["type"] == "extra_forbidden":
        close = difflib.get_close_matches(name, known, 1)
        remedy = f"did you mean {close[0]}?" if close else "remove it or correct its spelling"
        return f"one of {', '.join(sorted(known))}" if known else "a known key", remedy
    template = _EXPECTED.get(details["type"])
    if template:
        return template.format(**context), f"correct {name}"
    message = details["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return message, f"correct {name}"


def _got(details: ErrorDetails, path: Path) -> str:
    if details["type"] == "missing":
        return "nothing"
    if details["type"] == "extra_forbidden":
        return f"the unknown key {path[-1]}" if path else "an unknown key"
    if any(isinstance(step, str) and is_secret_name(step) for step in path):
        return "a hidden value"
    return shown(details["input"])


def shown(value: object) -> str:
    """Return `value` as an error may show it: short, containers by name only, no password of a URL."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | str):
        text = mask_url(repr(value))
        return text if len(text) <= 80 else f"{text[:77]}..."
    return type(value).__name__


def models_at(model: type[BaseModel], path: Path) -> list[type[BaseModel]]:
    """Return the models that can stand at `path` below `model`, also as items; empty where only plain values can."""
    annotations: list[object] = [model]
    for step in path:
        annotations = [inner for annotation in annotations for inner in _below(annotation, step)]
    return list(_models_in(annotations))


def _below(annotation: object, step: str | int) -> tuple[object, ...]:
    """Return the annotations of the value at `step` of a value of `annotation`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(step) if isinstance(step, str) else None
        return (field.annotation,) if field else ()
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) in (dict, Mapping):
        return arguments[1:]
    if typing.get_origin(annotation) in (list, tuple, Sequence):
        return arguments
    return tuple(inner for each in arguments for inner in _below(each, step))


def _known_keys(model: type[BaseModel] | None, path: Path) -> list[str]:
    models = models_at(model, path) if model else []
    return sorted({field.alias or name for each in models for name, field in each.model_fields.items()})


def _models_in(annotations: Iterable[object]) -> Iterator[type[BaseModel]]:
    for annotation in annotations:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation
        else:
            yield from _models_in(typing.get_args(annotation))

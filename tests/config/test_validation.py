from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Discriminator, ValidationError
from pydantic_core import PydanticCustomError

from config.document import parse_yaml
from config.validation import is_secret_name, mask_url, models_at, problems_from_validation, shown


class Inner(BaseModel):
    """A strict model for the tests."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["a"] = "a"
    limit: float = 0.0


class Other(BaseModel):
    """The other member of the union."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["b"]
    height: float


class Outer(BaseModel):
    """Lists, mappings and unions of models."""

    model_config = ConfigDict(extra="forbid")

    items: list[Inner] = []
    named: dict[str, Inner] = {}
    union: Annotated[Inner | Other, Discriminator("kind")] | None = None


def _problems(text: str) -> list[str]:
    document = parse_yaml(text, "f")
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(document.value)
    return [str(problem) for problem in problems_from_validation(document, caught.value, Outer)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("items:\n- limit: 1\n- limit: x\n", "f:3 items[1].limit: expected a number, got 'x'; correct limit"),
        (
            "items: [{limti: 1}]\n",
            "f:1 items[0].limti: expected one of kind, limit, got the unknown key limti; did you ",
        ),
        (
            "named:\n  n:\n    zzz: 1\n",
            "f:3 named.n.zzz: expected one of kind, limit, got the unknown key zzz; remove it",
        ),
        ("union:\n  kind: b\n", "f:1 union.height: expected a value, got nothing; add the key height"),
        ("union:\n  kind: b\n  height: [1]\n", "f:3 union.height: expected a number, got a list; correct height"),
        (
            "union:\n  {kind: b, height: 1, zzz: 1}\n",
            "f:2 union.zzz: expected one of height, kind, limit, got the unknown ",
        ),
        ("union:\n  kind: c\n", "f:1 union: expected "),
        ("items: {}\n", "f:1 items: expected a list, got a mapping; correct items"),
        ("items: true\n", "f:1 items: expected a list, got true; correct items"),
    ],
)
def test_problems_stand_where_the_writer_sees_them(text: str, problem: str) -> None:
    """Steps that pydantic adds for unions are not shown, and known keys are those of the place."""
    assert _problems(text)[0].startswith(problem)


def test_problems_of_a_part_stand_below_their_prefix() -> None:
    """A part validated by itself still names its place in the whole document."""
    document = parse_yaml("rules:\n- {limit: 1}\n- limit: x\n", "f")
    with pytest.raises(ValidationError) as caught:
        Inner.model_validate(document.at(("rules", 1)))

    problems = problems_from_validation(document, caught.value, Inner, ("rules", 1))

    assert ["f:3 rules[1].limit: expected a number, got 'x'; correct limit"] == [str(each) for each in problems]


def test_problems_custom_error_chooses_its_words() -> None:
    """An error with `expected` and `remedy` in its context is told in these words."""
    document = parse_yaml("limit: 1", "f")
    custom = PydanticCustomError("x", "{expected}", {"expected": "high above low", "remedy": "raise high"})
    error = ValidationError.from_exception_data("m", [{"type": custom, "loc": ("limit",), "input": 1}])

    assert ["f:1 limit: expected high above low, got 1; raise high"] == [
        str(problem) for problem in problems_from_validation(document, error)
    ]


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        ("password", True),
        ("PASSWORD", True),
        ("client_secret", True),
        ("api_key", True),
        ("Authorization", True),
        ("password_file", False),
        ("username", False),
        ("keepalive_s", False),
    ],
)
def test_is_secret_name_covers_what_holds_secrets(name: str, is_secret: bool) -> None:  # noqa: FBT001  (a table)
    """Names of secrets are recognised; the name of the file that holds one is not secret."""
    assert is_secret is is_secret_name(name)


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("postgresql://u:p@ss@db:5432/x", "postgresql://u:***@db:5432/x"),
        ("http://gw/send?user=a&password=b&to=c", "http://gw/send?user=a&password=***&to=c"),
        ("http://127.0.0.1:8086/x", "http://127.0.0.1:8086/x"),
        ("sqlite:////data/ledger.db", "sqlite:////data/ledger.db"),
    ],
)
def test_mask_url_hides_passwords_only(url: str, masked: str) -> None:
    """The password of the user part and of the query are replaced; addresses stay readable."""
    assert masked == mask_url(url)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nothing"),
        (True, "true"),
        (0.5, "0.5"),
        ("a", "'a'"),
        ({"a": 1}, "a mapping"),
        ((1,), "a list"),
        (b"", "bytes"),
    ],
)
def test_shown_value_is_named_in_words_of_yaml(value: object, text: str) -> None:
    """Python's words do not reach the operator, and the inside of lists and mappings stays hidden."""
    assert text == shown(value)


def test_shown_long_text_is_cut() -> None:
    """A whole file pasted into a setting does not fill the screen."""
    assert 80 == len(shown("x" * 1000))


def test_models_at_place_without_a_model_is_empty() -> None:
    """Below a number there is nothing to name."""
    assert [] == models_at(Outer, ("items", 0, "limit"))
    assert [] == models_at(Outer, ("union", "height"))
    assert [] == models_at(Outer, ("nowhere", "at", "all"))

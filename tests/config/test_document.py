from unittest import mock

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from config.document import Document, parse_yaml, path_text
from config.errors import ConfigError

RULES = """\
packs: [fire_water]
rules:
  - id: low
    levels:
      orange: {limit: 0.02}
  -
    id: high
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("packs",), 1),
        (("rules", 0), 3),
        (("rules", 0, "levels", "orange", "limit"), 5),
        (("rules", 1, "id"), 7),
        (("rules", 1, "missing"), 7),
        (("nowhere", "at", "all"), 1),
    ],
)
def test_document_line_of_a_path_is_its_own_or_its_nearest_ancestors(path: tuple[str | int, ...], line: int) -> None:
    """Every key and item knows its line; a place that is not there has the line of what should hold it."""
    assert line == parse_yaml(RULES, "rules.yaml").line(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("22:30", "22:30"),
        ("2025-03-24", "2025-03-24"),
        ("0.42", 0.42),
        ("-3", -3),
        ("1e3", 1000.0),
        ("1.", 1.0),
        ("0x1f", 31),
        ("true", True),
        ("~", None),
        ("", None),
        (".inf", float("inf")),
        ("'12'", "12"),
        ("+8613800000001", 8613800000001),
        ("1_000", "1_000"),
        ("一般", "一般"),
    ],
)
def test_document_scalar_follows_the_core_schema(text: str, value: object) -> None:
    """Only true, false, null and numbers are typed; words and times stay text."""
    got = parse_yaml(f"key: {text}\n", "f.yaml").value

    assert {"key": value} == got


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3 a: expected the key once (line 1), got it again; remove one of the two"),
        (
            "x:\n  1: a\n",
            "f.yaml:2 x: expected a word as key, got 1; put the key in quotes",
        ),
        ("? [a]\n: b\n", "f.yaml:1 (document): expected a word as key, got a list or mapping; put the key in quotes"),
        ("a: 1\n<<: {b: 1}\n", "f.yaml:2 (document): expected a word as key, got <<; put the key in quotes"),
        (
            "a: !!python/object/apply:os.system [ls]\n",
            "f.yaml:1 (document): expected plain values, got the tag tag:yaml.org,2002:python/object/apply:os.system; ",
        ),
        (
            "a: 1\nb: [\n",
            "f.yaml:3 (document): expected YAML, got while parsing a flow node expected the node content, but found ",
        ),
        (
            "a: 1\nb: \x01\n",
            "f.yaml:2 (document): expected printable text, got special characters are not allowed; ",
        ),
        ("[" * 40, "f.yaml:1 (document): expected at most 32 nested levels, got more; flatten the document"),
    ],
)
def test_document_refused_text_says_where_and_what_to_do(text: str, message: str) -> None:
    """Each thing that is refused names line, place, expected, got and remedy."""
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "f.yaml")

    assert str(caught.value).startswith(message)


def test_document_two_duplicates_are_reported_at_once() -> None:
    """Every duplicate key of a document is found in one go."""
    with pytest.raises(ConfigError) as caught:
        parse_yaml("a: 1\na: 2\nb: {c: 1, c: 2}\n", "f.yaml")

    assert ["a", "b.c"] == [problem.path for problem in caught.value.problems]


@pytest.mark.parametrize(
    "text",
    [
        "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)),
        "a: &a [*a]\n",
        "a: &a {b: *a}\n",
    ],
    ids=["billion laughs", "list in itself", "mapping in itself"],
)
def test_document_alias_bomb_is_refused(text: str) -> None:
    """Aliases that multiply or contain themselves end in a problem, not in full memory."""
    with pytest.raises(ConfigError, match="an alias repeats too much or contains itself"):
        parse_yaml(text, "bomb.yaml")


def test_document_alias_gives_the_anchored_value() -> None:
    """A plain alias is followed."""
    assert {"a": {"x": 1}, "b": {"x": 1}} == parse_yaml("a: &p {x: 1}\nb: *p\n", "f.yaml").value


@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!#|>'\"\n \t,?%@`~0.\x00\ud800é"), max_size=60))
def test_document_any_text_is_a_document_or_a_config_error(text: str) -> None:
    """No text makes the reader raise anything but ConfigError."""
    try:
        document = parse_yaml(text, "f.yaml")
    except ConfigError as error:
        assert error.problems  # noqa: PT017  (either way out is fine, but an error must say something)
    else:
        assert isinstance(document, Document)


PIECES = [
    *"ab:-[]{}&*!#|>'\"\n \t,?%@`~0.\x00\ud800\ufeffé",
    "a: 1\n",
    "- ",
    "{a: b, ",
    "[a, ",
    "]}",
    "&x ",
    "*x",
    "---\n",
]


def _read(text: str) -> Document | str:
    try:
        return parse_yaml(text, "f.yaml")
    except ConfigError as error:
        return str(error)


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_document_of_the_quick_reader_is_that_of_the_slow_one(text: str) -> None:
    """Whether libyaml is there changes no value, no line, no refusal and no word of it."""
    with mock.patch.object(yaml, "__with_libyaml__", new=False):
        expected = _read(text)

    assert expected == _read(text)


def test_path_text_mixed_steps_reads_like_code() -> None:
    """Keys are joined by dots and places stand in brackets."""
    assert "rules[3].levels[0].limit" == path_text(("rules", 3, "levels", 0, "limit"))

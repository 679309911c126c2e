import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.decoding.topics import MAX_TOPIC_BYTES, compile_template, filter_matches, topic_problem

UP = "lifeline/v1/{domain}/{asset}/{device}/up"


def test_template_matching_topic_gives_its_fields():
    """A topic of the template's shape gives its named levels."""
    fields = compile_template(UP).match("lifeline/v1/fire/T-1/FT-1/up")

    assert {"domain": "fire", "asset": "T-1", "device": "FT-1"} == fields


def test_template_with_underscore_leaves_the_level_out():
    """A level called _ fits any text and has no name."""
    fields = compile_template("_/site/{device}").match("anything/site/D")

    assert {"device": "D"} == fields


def test_template_with_text_around_a_field_gives_the_field():
    """The entity id in parentheses of OGC SensorThings is a field."""
    template = compile_template("v1.1/Datastreams({device})/Observations")

    assert {"device": "999"} == template.match("v1.1/Datastreams(999)/Observations")
    assert template.match("v1.1/Datastreams()/Observations") is None


def test_template_beginning_with_a_slash_fits_such_topics_only():
    """The topics of FIWARE begin with a slash; it belongs to the shape."""
    template = compile_template("/json/_/{device}/attrs")

    assert {"device": "D"} == template.match("/json/KEY/D/attrs")
    assert template.match("json/KEY/D/attrs") is None


@pytest.mark.parametrize(
    "topic", ["lifeline/v1/fire/T-1/FT-1/down", "lifeline/v1/fire/T-1/FT-1", "lifeline/v1/fire//FT-1/up", "x" + UP, ""]
)
def test_template_other_shape_gives_none(topic):
    """Another literal, another length or an empty field is no match."""
    assert compile_template(UP).match(topic) is None


@pytest.mark.parametrize(
    "text",
    ["a//{device}", "a/{x}{device}", "a/{x", "a/{}/b", "a/{device}/{device}", "a/+/b", "a/#", "{a b}", "", "/", "a/"],
)
def test_template_malformed_is_refused(text):
    """A template with an empty, mixed, repeated or wildcard level is an error that names the level."""
    with pytest.raises(ValueError, match="level"):
        compile_template(text)


@pytest.mark.parametrize(
    ("topic_filter", "topic", "expected"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/c", False),
        ("a/+", "a/b", True),
        ("a/+", "a", False),
        ("a/+", "a/b/c", False),
        ("+/+", "/b", True),
        ("a/#", "a/b/c", True),
        ("a/#", "a", True),
        ("#", "a/b", True),
        ("#", "$SYS/broker", False),
        ("+/broker", "$SYS/broker", False),
        ("$SYS/#", "$SYS/broker", True),
        ("a/b/c", "a/b", False),
    ],
)
def test_filter_table_of_the_standard_holds(topic_filter, topic, expected):
    """Filters cover what MQTT 3.1.1 section 4.7 says."""
    assert expected == filter_matches(topic_filter, topic)


@pytest.mark.parametrize(
    ("topic", "word"),
    [
        ("", "bytes"),
        ("a" * (MAX_TOPIC_BYTES + 1), "bytes"),
        ("桥" * (MAX_TOPIC_BYTES // 3 + 1), "bytes"),
        ("a/+/b", "wildcard"),
        ("a/#", "wildcard"),
        ("a/\0", "NUL"),
        ("a//b", "empty level"),
        ("/", "empty level"),
        ("//a", "empty level"),
        ("a/", "empty level"),
        (b"a/\xff/b".decode(errors="surrogateescape"), "0xff"),
    ],
)
def test_topic_not_valid_says_why(topic, word):
    """Each kind of bad topic is told from the others."""
    assert word in topic_problem(topic)


def test_topic_beginning_with_a_slash_is_valid():
    """FIWARE's agents publish such topics."""
    assert "" == topic_problem("/json/KEY/D/attrs")


def test_topic_with_chinese_levels_is_valid():
    """Any UTF-8 text may be a level."""
    assert "" == topic_problem("lifeline/v1/fire/翡翠苑/终端/up")


level = st.text(st.characters(exclude_characters="/+#\0", exclude_categories=["Cs"]), min_size=1, max_size=8)


@given(st.lists(level, min_size=1, max_size=6))
def test_filter_of_any_topic_covers_itself(levels):
    """Every topic is covered by itself, by one + a level, and by its first level with #."""
    topic = "/".join(levels)
    open_filter = topic if topic.startswith("$") else "/".join("+" for _ in levels)

    assert filter_matches(topic, topic)
    assert filter_matches(open_filter, topic)
    assert filter_matches(f"{levels[0]}/#", topic)


@given(level, level, level)
def test_template_filled_in_gives_back_what_was_filled_in(domain, asset, device):
    """Matching is the inverse of filling in."""
    topic = UP.format(domain=domain, asset=asset, device=device)

    assert {"domain": domain, "asset": asset, "device": device} == compile_template(UP).match(topic)


@given(st.text(max_size=40))
def test_topic_of_any_text_is_judged_without_raising(text):
    """No text makes the check raise."""
    assert isinstance(topic_problem(text), str)

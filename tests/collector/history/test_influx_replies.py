"""Answers of the three versions, told apart by their bodies."""

import json

import pytest

from collector.history.influx_replies import Kind, classify, retry_after_s

LINES = ["m,s=a value=1.0 1", "bad line here=", "m,s=b value=nan 3"]
CONFLICT = 'field type conflict: input field "value" on measurement "m" is type integer, already exists as type float'


def _v1(message):
    return json.dumps({"error": message}) + "\n"


def _v2(code, message):
    return json.dumps({"code": code, "message": message})


def _v3(*entries):
    data = [{"original_line": line, "line_number": n, "error_message": why} for n, line, why in entries]
    return json.dumps({"error": "partial write of line protocol occurred", "data": data})


TABLE = {
    "all stored": (204, "", Kind.STORED, {}, 0),
    "1.x one malformed": (
        400,
        _v1("partial write: unable to parse 'bad line here=': invalid field format dropped=0"),
        Kind.REFUSED,
        {1: "unable to parse: invalid field format"},
        0,
    ),
    "1.x all malformed": (
        400,
        _v1("unable to parse 'bad line here=': missing fields\nunable to parse 'm,s=b value=nan 3': invalid number"),
        Kind.REFUSED,
        {1: "unable to parse: missing fields", 2: "unable to parse: invalid number"},
        0,
    ),
    "1.x type conflict": (400, _v1(f"partial write: {CONFLICT} dropped=1"), Kind.REFUSED, {}, 1),
    "1.x beyond retention": (
        400,
        _v1("partial write: points beyond retention policy dropped=2"),
        Kind.REFUSED,
        {},
        2,
    ),
    "1.x series limit": (
        400,
        _v1("partial write: max-values-per-tag limit exceeded (100000/100000): measurement=m dropped=3"),
        Kind.REFUSED,
        {},
        3,
    ),
    "1.x no database": (404, _v1('database not found: "nope"'), Kind.UNAVAILABLE, {}, 0),
    "1.x no retention policy": (500, _v1("retention policy not found: nope"), Kind.UNAVAILABLE, {}, 0),
    "1.x too large": (413, _v1("Request Entity Too Large"), Kind.TOO_LARGE, {}, 0),
    "1.x timeout": (503, _v1("timeout"), Kind.UNAVAILABLE, {}, 0),
    "1.x not authorised": (401, _v1("authorization failed"), Kind.UNAVAILABLE, {}, 0),
    "2.x one malformed, nothing stored": (
        400,
        _v2("invalid", "unable to parse 'bad line here=': missing field value"),
        Kind.REFUSED,
        {1: "unable to parse: missing field value"},
        0,
    ),
    "2.x type conflict": (
        422,
        _v2("unprocessable entity", f"failure writing points to database: partial write: {CONFLICT} dropped=1"),
        Kind.REFUSED,
        {},
        1,
    ),
    "2.x no bucket": (404, _v2("not found", 'bucket "nope" not found'), Kind.UNAVAILABLE, {}, 0),
    "2.x unauthorized": (401, _v2("unauthorized", "unauthorized access"), Kind.UNAVAILABLE, {}, 0),
    "2.x too large": (413, _v2("request too large", "cannot read data"), Kind.TOO_LARGE, {}, 0),
    "3.x two refused": (
        400,
        _v3((2, "bad line here=", "expected fields"), (3, "m,s=b value=nan 3", "invalid float")),
        Kind.REFUSED,
        {1: "expected fields", 2: "invalid float"},
        0,
    ),
    "3.x line number of another text": (400, _v3((1, "another line", "why")), Kind.REFUSED, {}, 0),
    "unknown 400": (400, "the moon is full", Kind.UNAVAILABLE, {}, 0),
    "400 about the request": (400, _v2("invalid", "bucket or bucketID is required"), Kind.UNAVAILABLE, {}, 0),
    "redirect": (302, "", Kind.UNAVAILABLE, {}, 0),
    "proxy page": (502, "<html>Bad Gateway</html>", Kind.UNAVAILABLE, {}, 0),
    "json that is no object": (400, "[1]", Kind.UNAVAILABLE, {}, 0),
}


@pytest.mark.parametrize(("status", "body", "kind", "refused", "dropped"), TABLE.values(), ids=TABLE)
def test_classify_each_answer_is_understood(status, body, kind, refused, dropped):
    """Code and body together say what became of the lines."""
    reply = classify(status, {}, body, LINES)

    assert (kind, refused, dropped) == (reply.kind, dict(reply.refused), reply.dropped)


def test_classify_type_conflict_names_the_measurement():
    """The search may start with the lines of that measurement."""
    assert "m" == classify(400, {}, _v1(f"partial write: {CONFLICT} dropped=1"), LINES).measurement


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": " 120 "}, 120.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 08:28:00 GMT"}, 0.0),
    ],
)
def test_retry_after_number_or_date(headers, expected):
    """Seconds, or a date that counts from the answer's own."""
    assert expected == retry_after_s(headers)


def test_classify_overload_carries_retry_after():
    """An overloaded server is come back to when it said."""
    assert 7.0 == classify(429, {"retry-after": "7"}, "", LINES).retry_after_s

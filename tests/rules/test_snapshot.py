"""Snapshots outlive a change of register and rules, and refuse damage."""

import io
import zlib

import numpy as np
import pytest

from collector.batch import tick
from config.register import Register
from rules.engine import RuleEngine
from rules.rule import RuleSet
from rules.snapshot import SnapshotError
from tests.rules.small_district import (
    BEAT,
    PLAIN,
    PRESSURE,
    SECOND_NS,
    batch,
    register,
    rules,
    stale,
    threshold,
    told,
)

LEVELS = [("yellow", 2.0, 0.5, 4, 0), ("red", 1.0, 0.5, 4, 0)]


def engine_of(*bound, district=None) -> RuleEngine:
    """Return an engine over the rules in `bound`."""
    return RuleEngine(RuleSet(bound, "1"), district or register())


def reordered() -> Register:
    """Return the register with its sensors in the opposite order and one more."""
    old = register()
    extra = old.sensors[PLAIN].__class__("N.p", "B", "N", "p", "fire_water_pressure", 1.0, 0.0, 1.0, 4.0, "")
    return Register({}, old.assets, [extra, *reversed(old.sensors)], {}, [])


def disturbed() -> RuleEngine:
    """Return an engine in the middle of things."""
    engine = RuleEngine(rules(), register())
    for second in range(100, 115):
        engine.evaluate(batch(second, [(PRESSURE, second, 0.5), (BEAT, second, second), (PLAIN, second, -1.0)]), second)
    return engine


def test_snapshot_of_equal_states_is_equal_bytes():
    """Nothing of the machine or the hour is in it."""
    assert disturbed().snapshot() == disturbed().snapshot()


def test_snapshot_opens_without_pickle():
    """It is a plain archive of plain columns."""
    with np.load(io.BytesIO(disturbed().snapshot()[4:]), allow_pickle=False) as columns:
        kinds = {columns[name].dtype.kind for name in columns}

    assert kinds <= set("ifub")


def test_restore_of_a_running_delay_completes_it_on_time():
    """A delay runs on over a restart, in event time."""
    before, after = (engine_of(threshold("rule", [PLAIN], LEVELS, side="low")) for _ in range(2))
    before.evaluate(batch(0, [(PLAIN, 0, 1.5), (PLAIN, 2, 1.5)]), 7)
    after.restore(before.snapshot())

    assert ([(0, 4.0, "RAISED", 0, 3, "LIMIT_HELD")], 8) == (
        told(after.evaluate(batch(4, [(PLAIN, 4, 1.5)]), 8)),
        after.position,
    )


def test_restore_gives_back_the_position():
    """The journal is read on from there."""
    after = RuleEngine(rules(), register())
    after.restore(disturbed().snapshot())

    assert 114 == after.position


def test_restore_into_a_changed_register_finds_alarms_by_id():
    """Dense numbers move, ids do not: the red alarm is still the red alarm of the same sensor."""
    district = reordered()
    number = district.sensor_index["P.p"]
    before = engine_of(threshold("rule", [PLAIN], LEVELS, side="low"), stale("silent", [PLAIN]))
    before.evaluate(batch(0, [(PLAIN, 0, 0.5), (PLAIN, 4, 0.5)]), 1)
    after = engine_of(
        stale("silent", [0, number]), threshold("rule", [0, number], LEVELS, side="low"), district=district
    )
    after.restore(before.snapshot())

    assert {"silent/N.p": 0, "silent/P.p": 0, "rule/N.p": 0, "rule/P.p": 5} == dict(
        zip([key.id for key in after.alarms], after.levels().tolist(), strict=True)
    )


def test_restore_with_a_new_sensor_listens_for_it_from_now():
    """A sensor that was not registered before has its whole stale time to be heard."""
    district = reordered()
    before = engine_of(stale("silent", [PLAIN]))
    for second in range(100, 130):
        before.evaluate(batch(second, [(PLAIN, second, 9.0)]), second)
    number = district.sensor_index["P.p"]
    after = engine_of(stale("silent", [0, number]), district=district)
    after.restore(before.snapshot())
    events = []
    for second in range(130, 136):
        readings = [(number, second, 9.0)]
        events += [(second, *event) for event in told(after.evaluate(batch(second, readings), second))]

    assert [(135, 0, 134.0, "RAISED", 0, 1, "NEVER_SEEN")] == events


def test_restore_without_a_level_announces_the_difference_with_the_next_reading():
    """An alarm with an active level that no longer exists steps down with a reading, not in silence."""
    before = engine_of(threshold("rule", [PLAIN], LEVELS, side="low"))
    before.evaluate(batch(0, [(PLAIN, 0, 0.5), (PLAIN, 4, 0.5)]), 1)
    after = engine_of(threshold("rule", [PLAIN], LEVELS[:1], side="low"))
    after.restore(before.snapshot())

    assert [(0, 6.0, "LOWERED", 5, 3, "BACK_WITHIN")] == told(after.evaluate(batch(6, [(PLAIN, 6, 0.5)]), 2))


def test_restore_with_a_new_level_judges_it_from_now():
    """A level added to a rule starts inactive beside the ones that are kept."""
    before = engine_of(threshold("rule", [PLAIN], LEVELS[:1], side="low"))
    before.evaluate(batch(0, [(PLAIN, 0, 0.5), (PLAIN, 4, 0.5)]), 1)
    after = engine_of(threshold("rule", [PLAIN], LEVELS, side="low"))
    after.restore(before.snapshot())
    readings = [(PLAIN, 6, 0.5), (PLAIN, 10, 0.5)]

    assert [(0, 10.0, "ESCALATED", 3, 5, "LIMIT_HELD")] == told(after.evaluate(batch(6, readings), 2))


def test_restore_with_a_new_kind_of_rule_keeps_the_others():
    """A stale rule added later knows nothing yet; the hazards are as they were."""
    before = engine_of(threshold("rule", [PLAIN], LEVELS, side="low"))
    before.evaluate(batch(0, [(PLAIN, 0, 0.5), (PLAIN, 4, 0.5)]), 1)
    after = engine_of(threshold("rule", [PLAIN], LEVELS, side="low"), stale("silent", [PLAIN]))
    after.restore(before.snapshot())

    assert [5, 0] == after.levels().tolist()


def test_restore_forgets_what_the_engine_had_seen_itself():
    """The snapshot replaces the state; it is not added to it."""
    fresh, used = RuleEngine(rules(), register()), disturbed()
    used.restore(fresh.snapshot())

    assert fresh.snapshot() == used.snapshot()


def sealed(archive: io.BytesIO) -> bytes:
    """Return the archive behind its CRC, as a snapshot is."""
    content = archive.getvalue()
    return zlib.crc32(content).to_bytes(4, "little") + content


def changed_archive(column: str, value: np.ndarray | None) -> bytes:
    """Return an intact archive in which `column` is `value`, or is missing."""
    with np.load(io.BytesIO(disturbed().snapshot()[4:])) as old:
        columns = {**old, column: value}
    blob = io.BytesIO()
    np.savez(blob, **{name: each for name, each in columns.items() if each is not None})
    return sealed(blob)


def pickled_archive() -> bytes:
    """Return an archive with an object in it."""
    blob = io.BytesIO()
    np.savez(blob, format=np.array([2]), sensors=np.array([{}], object))
    return sealed(blob)


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"not a snapshot",
        disturbed().snapshot()[:-40],
        pickled_archive(),
        changed_archive("threshold.beyond", None),
        changed_archive("threshold.beyond", np.zeros((5, 3), np.bool_)),
        changed_archive("threshold.level", np.zeros(5)),
        changed_archive("format", np.array([99])),
        changed_archive("sensors", np.array([0xFF, 0xFE], np.uint8)),
    ],
    ids=["empty", "text", "cut off", "an object", "a column missing", "a shape", "a type", "a format", "no text"],
)
def test_restore_of_a_damaged_snapshot_is_refused_and_changes_nothing(blob):
    """The engine is as it was, and the error names the remedy."""
    engine = disturbed()
    before = engine.snapshot()
    with pytest.raises(SnapshotError, match="replay the journal"):
        engine.restore(blob)

    assert before == engine.snapshot()


def test_restore_of_any_flipped_byte_is_refused():
    """A changed byte never becomes a changed state, wherever it stands."""
    blob, engine = disturbed().snapshot(), RuleEngine(rules(), register())
    for place in range(len(blob)):
        flipped = bytearray(blob)
        flipped[place] ^= 0x5A
        with pytest.raises(SnapshotError):
            engine.restore(bytes(flipped))


def test_restore_then_a_long_pause_does_not_make_sensors_blind():
    """A program that was down for an hour goes on listening, it does not accuse."""
    before, after = RuleEngine(rules(), register()), RuleEngine(rules(), register())
    for second in range(100, 110):
        before.evaluate(
            batch(
                second,
                [
                    (PLAIN, second, 9.0),
                    (PRESSURE, second, 9.0),
                    (BEAT, second, second),
                    (2, second, 0.0),
                    (3, second, second),
                ],
            ),
            1,
        )
    after.restore(before.snapshot())
    events = told(after.evaluate(tick(3710 * SECOND_NS), 2)) + told(after.evaluate(tick(3711 * SECOND_NS), 3))

    assert [] == events

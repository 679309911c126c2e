"""Snapshots: the columns of an engine as bytes for another process, register or rule set.

Input: the state of an engine; or bytes.
Output: bytes; or the state filled from them. Columns are matched by sensor id and alarm id, never by dense number.
Not responsible for: where the bytes are stored.
Rejects: bytes that are not intact, and objects inside them, with `SnapshotError`.

The bytes are the CRC-32 of all that follows, and a numpy `.npz` archive: a zip of plain columns. The checks of the zip
cover its members and not its directory, so a changed bit there would be believed.
"""

import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from rules.admission.admission import Admission
from rules.admission.reordering import Reordering, WaitingReadings
from rules.kind import DerivedEvaluator, Evaluator, State

FORMAT = 2
_CRC_BYTES = 4
_SEPARATOR = "\n"
_REMEDY = "replay the journal from its start instead"


class SnapshotError(ValueError):
    """The bytes are not an intact snapshot of this program; the journal can be replayed from its start instead."""


@dataclass(frozen=True, slots=True)
class EngineState:
    """The parts of an engine with a state."""

    reordering: Reordering
    admission: Admission
    evaluators: Mapping[str, Evaluator]
    derived_evaluators: Mapping[str, DerivedEvaluator]

    def all_evaluators(self) -> Mapping[str, Evaluator | DerivedEvaluator]:
        """Return all kinds by name."""
        return {**self.evaluators, **self.derived_evaluators}


def pack(parts: EngineState, position: int, sensor_ids: Sequence[str], alarm_ids: Sequence[str]) -> bytes:
    """Return the snapshot of `parts` at `position`; equal states are equal bytes."""
    columns: dict[str, NDArray[np.generic]] = {
        "format": np.array([FORMAT], np.int64),
        "position": np.array([position], np.int64),
        "sensors": _from_ids(sensor_ids),
        "alarms": _from_ids(alarm_ids),
        **{f"admission.{name}": column for name, column in _admission_columns(parts.admission).items()},
        **{f"reordering.{each.name}": getattr(parts.reordering.waiting, each.name) for each in fields(WaitingReadings)},
        "reordering.clock": parts.reordering.clock,
    }
    for kind, evaluator in parts.all_evaluators().items():
        state = evaluator.state()
        columns[f"{kind}.alarm"] = evaluator.alarm
        for group in (state.by_sensor, state.by_alarm, state.whole):
            columns |= {f"{kind}.{name}": column for name, column in group.items()}
    return _archive(columns)


def _archive(columns: Mapping[str, NDArray[np.generic]]) -> bytes:
    blob = io.BytesIO()
    with zipfile.ZipFile(blob, "w") as archive:
        for name, column in columns.items():
            # Named by hand: zipfile itself would add the time of day.
            member = zipfile.ZipInfo(f"{name}.npy")
            plain = io.BytesIO()
            np.lib.format.write_array(plain, column, allow_pickle=False)
            # Level 1: a normal district shrinks tenfold already, and higher levels take several times as long.
            archive.writestr(member, plain.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=1)
    content = blob.getvalue()
    return zlib.crc32(content).to_bytes(_CRC_BYTES, "little") + content


def unpack_snapshot(blob: bytes, parts: EngineState, sensor_ids: Sequence[str], alarm_ids: Sequence[str]) -> int:
    """Fill newly built `parts` from `blob` and return its position.

    Raises:
        SnapshotError: `blob` is not intact; `parts` are then useless.
    """
    columns = _load(blob)
    try:
        return _fill(columns, parts, sensor_ids, alarm_ids)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise SnapshotError(f"snapshot: expected the columns of format {FORMAT}, got {error!r}; {_REMEDY}") from error


def _load(blob: bytes) -> dict[str, NDArray[np.generic]]:
    if zlib.crc32(blob[_CRC_BYTES:]) != int.from_bytes(blob[:_CRC_BYTES], "little"):
        raise SnapshotError(f"snapshot: expected bytes of the CRC before them, got others; {_REMEDY}")
    try:
        with zipfile.ZipFile(io.BytesIO(blob[_CRC_BYTES:])) as archive:
            names = archive.namelist()
            columns = {name.removesuffix(".npy"): _member(archive, name) for name in names}
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise SnapshotError(f"snapshot: expected an intact archive, got {error}; {_REMEDY}") from error
    if int(columns.get("format", np.zeros(1, np.int64)).astype(np.int64)[0]) != FORMAT:
        raise SnapshotError(f"snapshot: expected format {FORMAT}, got another; {_REMEDY}")
    return columns


def _member(archive: zipfile.ZipFile, name: str) -> NDArray[np.generic]:
    column: NDArray[np.generic] = np.lib.format.read_array(io.BytesIO(archive.read(name)), allow_pickle=False)
    return column


def _fill(
    columns: Mapping[str, NDArray[np.generic]], parts: EngineState, sensor_ids: Sequence[str], alarm_ids: Sequence[str]
) -> int:
    sensors = _match(_to_ids(columns["sensors"]), sensor_ids)
    for name, column in _admission_columns(parts.admission).items():
        _move(columns[f"admission.{name}"], column, sensors)
    if "reordering.clock" in columns:
        _fill_reordering(parts.reordering, columns, sensors)
    known = np.zeros(len(sensor_ids), np.bool_)
    known[sensors.new] = True
    old_alarm_ids = _to_ids(columns["alarms"])
    for kind, evaluator in parts.all_evaluators().items():
        if f"{kind}.alarm" in columns:
            old_ids = [old_alarm_ids[i] for i in columns[f"{kind}.alarm"].astype(np.intp)]
            alarms = _match(old_ids, [alarm_ids[i] for i in evaluator.alarm])
            _fill_state(
                evaluator.state(), {name.removeprefix(f"{kind}."): columns[name] for name in columns}, sensors, alarms
            )
    for settled in parts.evaluators.values():
        settled.rebuild(known)
    return int(columns["position"].astype(np.int64)[0])


def _fill_reordering(reordering: Reordering, columns: Mapping[str, NDArray[np.generic]], sensors: "_Match") -> None:
    """Restore waiting readings, without those of sensors that have left the register."""
    number = np.full(int(columns["reordering.sensor"].max(initial=-1)) + 1, -1, np.int32)
    still = sensors.old < len(number)
    number[sensors.old[still]] = sensors.new[still]
    kept = {each.name: columns[f"reordering.{each.name}"] for each in fields(WaitingReadings)}
    for name, column in kept.items():
        empty = getattr(reordering.waiting, name)
        if column.dtype != empty.dtype or column.shape != kept["sensor"].shape:
            raise ValueError(f"{column.dtype}{column.shape} where {empty.dtype} belongs")
    waiting = WaitingReadings(**kept)  # type: ignore[arg-type]
    waiting.sensor = number[waiting.sensor]
    reordering.waiting = waiting.take(waiting.sensor >= 0)
    reordering.clock[:] = columns["reordering.clock"]


def _fill_state(state: State, columns: Mapping[str, NDArray[np.generic]], sensors: "_Match", alarms: "_Match") -> None:
    for name, column in state.by_sensor.items():
        _move(columns[name], column, sensors)
    for name, column in state.by_alarm.items():
        if name in columns or name not in state.optional:
            _move(columns[name], column, alarms)
    for name, column in state.whole.items():
        column[:] = columns[name]


@dataclass(frozen=True, slots=True)
class _Match:
    """Old and new places of ids that are in the snapshot and in the engine."""

    old: NDArray[np.intp]
    new: NDArray[np.intp]


def _match(old_ids: Sequence[str], new_ids: Sequence[str]) -> _Match:
    places = {each: i for i, each in enumerate(old_ids)}
    pairs = [(places[each], i) for i, each in enumerate(new_ids) if each in places]
    columns = np.array(pairs, np.intp).reshape(-1, 2)
    return _Match(columns[:, 0], columns[:, 1])


def _move(old: NDArray[np.generic], new: NDArray[np.generic], match: _Match) -> None:
    if old.dtype != new.dtype or old.shape[1:] != new.shape[1:]:
        raise ValueError(f"{old.dtype}{old.shape} where {new.dtype}{new.shape} belongs")
    new[match.new] = old[match.old]


def _admission_columns(admission: Admission) -> dict[str, NDArray[np.generic]]:
    return {
        "newest_ns": admission.newest_ns,
        "is_seen": admission.is_seen,
        "beat": admission.beat,
        "last": admission.low_battery.last,
    }


def _from_ids(ids: Sequence[str]) -> NDArray[np.uint8]:
    return np.frombuffer(_SEPARATOR.join(ids).encode(), np.uint8)


def _to_ids(packed: NDArray[np.generic]) -> list[str]:
    text = packed.astype(np.uint8).tobytes().decode()
    return text.split(_SEPARATOR) if text else []

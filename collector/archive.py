"""Columns of named things as bytes that outlive the program: a checksum, and a numpy `.npz` archive of plain arrays.

Input: columns, and the ids that their rows belong to; bytes.
Output: bytes; and back, the rows of the ids that still exist.
Not responsible for: files.
Rejects: bytes that are not intact or hold objects, always with the same error.
"""

import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.generic]

_CRC_BYTES = 4


class CheckpointUnusableError(ValueError):
    """The bytes are not an intact snapshot of this program; their knowledge can be learned again."""


@dataclass(frozen=True, slots=True)
class RestoredColumns:
    """Columns read from bytes, and the rows to take over."""

    columns: Mapping[str, Column]
    old: NDArray[np.intp]
    """Rows of `columns` with ids that still exist."""
    new: NDArray[np.intp]
    """The places of the same ids now."""

    def move_into(self, columns: Mapping[str, Column]) -> None:
        """Take over the rows of the ids that exist in both."""
        for name, column in columns.items():
            column[self.new] = self.columns[name][self.old]


def pack_columns(format_: int, ids: Sequence[str], columns: Mapping[str, Column]) -> bytes:
    """Return bytes that `unpack_columns` of the same format reads; ids hold no line feed."""
    blob = io.BytesIO()
    names = np.frombuffer("\n".join(ids).encode(), np.uint8)
    np.savez(blob, format=np.array([format_]), ids=names, **columns)  # type: ignore[arg-type]
    content = blob.getvalue()
    return zlib.crc32(content).to_bytes(_CRC_BYTES, "little") + content


def unpack_columns(
    blob: bytes, format_: int, ids: Sequence[str], columns: Mapping[str, Column], *, also: Sequence[str] = ()
) -> RestoredColumns:
    """Return the columns in `blob`, and the rows of the things named `ids`.

    Args:
        blob: from `pack_columns`.
        format_: the number given to `pack_columns`.
        ids: the things of now, in the order of the rows.
        columns: the columns that it must hold, one row for each of its ids, with these types.
        also: further arrays that it must hold.

    Raises:
        CheckpointUnusableError: it is not intact, or not of this format.
    """
    if zlib.crc32(blob[_CRC_BYTES:]) != int.from_bytes(blob[:_CRC_BYTES], "little"):
        raise CheckpointUnusableError("expected bytes that fit their checksum, got others")
    try:
        with np.load(io.BytesIO(blob[_CRC_BYTES:]), allow_pickle=False) as archive:
            kept = {name: archive[name] for name in ("format", "ids", *columns, *also)}
        text = kept["ids"].tobytes().decode()
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:
        raise CheckpointUnusableError(f"expected an archive of columns, got {error!r}") from error
    old_ids = text.split("\n") if text else []
    if kept["format"].tolist() != [format_]:
        raise CheckpointUnusableError(f"expected format {format_}, got {kept['format'].tolist()}")
    for name, column in columns.items():
        if kept[name].dtype != column.dtype or kept[name].shape != (len(old_ids),):
            raise CheckpointUnusableError(f"{name}: expected {column.dtype}({len(old_ids)},), got {kept[name].dtype}")
    place = {each: i for i, each in enumerate(ids)}
    pairs = [(old, place[each]) for old, each in enumerate(old_ids) if each in place]
    both = np.array(pairs, np.intp).reshape(-1, 2)
    return RestoredColumns(kept, both[:, 0], both[:, 1])

"""I/O: dead letters in the journal's database: written, read back, and the oldest evicted at the quota.

Input: an open connection inside a transaction.
Output: rows, counts.
Not responsible for: the reason of a rejection.
Rejects: nothing; the oldest letters make room.
"""

import hashlib
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from collector.dead_letter import DeadLetter, DeadLetterReason

KEPT_BYTES = 4096
"""First bytes of a refused payload that are kept; the rest is named by length and SHA-256."""
MAX_ROWS = 100_000
"""Assumed: a day of one bad message a second."""
MAX_BYTES = 64 << 20
"""Assumed: 1/64 of the default journal; a smaller journal gives 1/16 of itself."""
_ROW_BYTES = 64
"""Fixed columns of one row."""

_INSERT = """INSERT INTO dead_letters
    (received_ns, reason, topic, detail, payload, payload_bytes, payload_sha256, kept_bytes)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
_ADD = "UPDATE dead_letter_totals SET rows = rows + ?, bytes = bytes + ? RETURNING rows, bytes"

_Row = tuple[int, str, str, str, bytes, int, bytes, int]


@dataclass(frozen=True, slots=True)
class Quota:
    """How much room dead letters may take up."""

    rows: int
    bytes: int


def insert(connection: sqlite3.Connection, letters: Sequence[DeadLetter], quota: Quota) -> int:
    """Store `letters` in the open transaction and evict the oldest beyond `quota`; returns how many were evicted."""
    if not letters:
        return 0
    rows = [_row(letter) for letter in letters]
    connection.executemany(_INSERT, rows)
    held_rows, held_bytes = connection.execute(_ADD, (len(rows), sum(row[-1] for row in rows))).fetchone()
    return evict(connection, held_rows - quota.rows, held_bytes - quota.bytes)


def _row(letter: DeadLetter) -> _Row:
    digest = hashlib.sha256(letter.payload).digest()
    kept, topic, detail = letter.payload[:KEPT_BYTES], _storable(letter.topic), _storable(letter.detail)
    size = len(kept) + len(topic) + len(detail) + _ROW_BYTES
    return letter.received_ns, str(letter.reason), topic, detail, kept, len(letter.payload), digest, size


def _storable(text: str) -> str:
    # A topic decoded from bytes that are not UTF-8 holds lone surrogates, which SQLite cannot store.
    return text[:KEPT_BYTES].encode("utf-8", "backslashreplace").decode()


def evict(connection: sqlite3.Connection, rows_over: int, bytes_over: int) -> int:
    """Delete the oldest until both excesses are gone, in the open transaction; returns how many."""
    rows = size = last = 0
    with closing(connection.execute("SELECT id, kept_bytes FROM dead_letters ORDER BY id")) as oldest:
        while rows < rows_over or size < bytes_over:
            row = oldest.fetchone()
            if row is None:
                break
            rows, size, last = rows + 1, size + row[1], row[0]
    if rows:
        connection.execute("DELETE FROM dead_letters WHERE id <= ?", (last,))
        connection.execute(_ADD, (-rows, -size)).fetchall()
    return rows


def evict_half(connection: sqlite3.Connection) -> int:
    """Delete the older half, in the open transaction; returns how many."""
    rows = connection.execute("SELECT rows FROM dead_letter_totals").fetchone()[0]
    return evict(connection, (rows + 1) // 2, 0)


def select(connection: sqlite3.Connection, limit: int, reason: DeadLetterReason | None) -> list[DeadLetter]:
    """Return the newest `limit` dead letters, newest first; a cut payload is named in `detail`."""
    rows: list[tuple[int, str, bytes, str, str, int, str]] = connection.execute(
        """SELECT received_ns, topic, payload, reason, detail, payload_bytes, hex(payload_sha256) FROM dead_letters
           WHERE ? IS NULL OR reason = ? ORDER BY id DESC LIMIT ?""",
        (reason, reason, limit),
    ).fetchall()
    return [
        DeadLetter(received_ns, topic, payload, DeadLetterReason(why), detail + _cut(len(payload), length, digest))
        for received_ns, topic, payload, why, detail, length, digest in rows
    ]


def _cut(kept: int, length: int, digest: str) -> str:
    return "" if kept == length else f" (first {kept} of {length} bytes, sha256 {digest.lower()})"

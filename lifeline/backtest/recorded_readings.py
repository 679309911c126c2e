"""I/O: readings of the past from a history or from the journal.

Input: an open history or journal, and a span of time.
Output: chunks of a history, or batches as the rules received them. At most one chunk is in memory.
Not responsible for: evaluating readings.
Rejects: a history that does not answer, as `StartError`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from collector.batch import ReadingBatch
from collector.history import History, HistoryUnavailableError
from collector.journal.reader import JournalReader
from config.register import Register
from lifeline.backtest.stream import ReadingChunk, chunk_length_ns
from lifeline.start_error import StartError

MOST_READINGS = 1_000_000
"""Readings of one chunk of a history, about: 22 MB of columns."""
_ENTRIES = 256
_LAST_NS = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """The time that is looked at; from `start_ns` to before `end_ns`."""

    start_ns: int = 0
    end_ns: int = _LAST_NS


def read_history(history: History, register: Register, span: TimeSpan) -> Iterator[ReadingChunk]:
    """Yield the readings of `history` in `span`, chunk by chunk.

    Raises:
        StartError: the history gives no answer.
    """
    length_ns = chunk_length_ns(register, MOST_READINGS)
    for start_ns in range(span.start_ns, span.end_ns, length_ns):
        end_ns = min(start_ns + length_ns, span.end_ns)
        try:
            sensor, series = history.read_all(start_ns, end_ns)
        except HistoryUnavailableError as error:
            raise StartError(f"history: expected an answer, got {error}; start it, or give --csv") from error
        yield ReadingChunk(start_ns, end_ns, sensor, series.time_ns, series.value, series.quality)


def read_journal_batches(reader: JournalReader, span: TimeSpan) -> Iterator[ReadingBatch]:
    """Yield the entries received within `span` as they were received."""
    position = reader.position_at(span.start_ns)
    while entries := reader.read(position, _ENTRIES):
        for entry in entries:
            if entry.batch.received_ns >= span.end_ns:
                return
            yield entry.batch
        position = entries[-1].position

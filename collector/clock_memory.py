"""I/O: keeps what is known of the devices' clocks over a restart, in one small file beside the journal.

Comes in: the clocks. Goes out: clocks that know what they knew when the file was saved. Refuses to be needed: without
it, or with a damaged one, a wrong clock is found anew within some messages, as after a crash one of the last minute.
"""

import zlib
from collections import Counter
from pathlib import Path

import structlog

from collector.archive import MemoryUnusableError
from collector.clocks import DeviceClocks

_CRC_BYTES = 4


class ClockMemory:
    """Belongs to the thread of the intake once it is loaded."""

    def __init__(self, path: Path, clocks: DeviceClocks, counts: Counter[tuple[str, str]]) -> None:
        """Read nothing yet; count into `counts`."""
        self._path, self._clocks, self._counts = path, clocks, counts
        self._log = structlog.get_logger()

    def load(self) -> bool:
        """Return whether the clocks were filled from an intact file."""
        try:
            content = self._path.read_bytes()
            blob = content[_CRC_BYTES:]
            if zlib.crc32(blob).to_bytes(_CRC_BYTES, "big") != content[:_CRC_BYTES]:
                self._refuse("damaged", "its checksum does not fit")
                return False
            self._clocks.restore(blob)
        except FileNotFoundError:
            return False
        except OSError as error:
            self._refuse("read", str(error))
            return False
        except MemoryUnusableError as error:
            self._refuse("damaged", str(error))
            return False
        return True

    def save(self) -> None:
        """Replace the file; a failure is counted and costs some late readings of wrong clocks at the next start."""
        blob = self._clocks.snapshot()
        beside = self._path.with_suffix(".new")
        try:
            beside.write_bytes(zlib.crc32(blob).to_bytes(_CRC_BYTES, "big") + blob)
            beside.replace(self._path)
        except OSError as error:
            self._refuse("write", str(error))

    def _refuse(self, reason: str, got: str) -> None:
        self._counts["clock_memory_failures", reason] += 1
        self._log.warning("clock_memory_unusable", path=str(self._path), got=got, remedy="learned anew")

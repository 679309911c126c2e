"""I/O: keeps what is known of the devices' clocks over a restart, in one small file beside the journal.

Comes in: the clocks. Goes out: clocks that know what they knew when the file was saved. Refuses to be needed: without
it, or with a damaged one, a wrong clock is found anew within some messages, as after a crash one of the last minute.
"""

from collections import Counter
from pathlib import Path

import structlog

from collector.archive import CheckpointUnusableError
from collector.checkpoints.checkpoint_file import CheckpointFile
from collector.devices.clocks import DeviceClocks

_NO_POSITION = 0
"""What clocks say belongs to no place in the journal."""


class ClockCheckpoint:
    """Belongs to the thread of the intake once it is loaded."""

    def __init__(self, path: Path, clocks: DeviceClocks, counts: Counter[tuple[str, str]]) -> None:
        """Read nothing yet; count into `counts`."""
        self._file, self._clocks, self._counts = CheckpointFile(path), clocks, counts
        self._log = structlog.get_logger()

    def load(self) -> bool:
        """Return whether the clocks were filled from an intact file."""
        try:
            self._clocks.restore(self._file.read(_NO_POSITION)[1])
        except FileNotFoundError:
            return False
        except OSError as error:
            self._refuse("read", str(error))
            return False
        except CheckpointUnusableError as error:
            self._refuse("damaged", str(error))
            return False
        return True

    def save(self) -> None:
        """Replace the file; a failure is counted and costs some late readings of wrong clocks at the next start."""
        try:
            self._file.write(_NO_POSITION, self._clocks.snapshot())
        except OSError as error:
            self._refuse("write", str(error))

    def _refuse(self, reason: str, got: str) -> None:
        self._counts["clock_memory_failures", reason] += 1
        self._log.warning("clock_memory_unusable", path=str(self._file.path), got=got, remedy="learned anew")

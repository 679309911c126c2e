"""`Sequences`: the messages of each device that never came, came twice, or began to count anew.

Input: (device, boot, number) of the messages of one commit, in their order.
Output: the missing numbers that each message shows, and columns for all devices of a register.
Not responsible for: payloads, clocks and files.
Rejects: nothing.

A number is missing as soon as a later one comes, and is filled in when it comes after all. So reordered, redelivered
and buffered messages are no gap. The regular case, the next number of the same boot, is done for all messages at once.
"""

from collections import Counter
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

NO_NUMBER = -1
"""The device has not numbered its message."""
NO_BOOT = 0
"""The device does not say since when it runs."""
MAX_HOLES = 16
"""Ranges of missing numbers remembered of one device, the newest; assumed. Numbers in older ones stay missing."""
MAX_JUMP = 1_000_000
"""A counter that moves on by more counts something else, or anew; assumed."""
_NEAR = 1024
"""Numbers this close to the end and the beginning of a counter's range are taken for its wrapping; assumed."""
_SMALL = 16
"""A device without a boot id has begun anew when it goes back below this, and by more than `_NEAR`; assumed."""
_PERIODS = (1 << 16, 1 << 32)
"""Where counters of devices wrap. Source: uint16 and uint32; a smaller one looks like a new beginning."""

Ints = NDArray[np.int64]


@dataclass(slots=True)
class Counted:
    """Counts of each device; int64[n_devices] each, the first five are the state after the last message."""

    last: Ints
    """Highest number of the present boot with `base` added, `NO_NUMBER` before the first."""
    base: Ints
    """Added to a number since its counter has wrapped."""
    period: Ints
    """Where it wrapped last, 0 for never."""
    boot: Ints
    """The present boot, `NO_BOOT` where the device does not say."""
    boot_before: Ints
    """The one before."""
    missing: Ints
    """Numbers that were passed over, also those filled in later."""
    filled: Ints
    """Numbers of these that came after all."""
    repeated: Ints
    """Messages with a number that had come before, or that came so late that it looks like one."""
    restarts: Ints
    """Times that the device began to count anew."""


class Sequences:
    """The counts of `n_devices`; belongs to one thread, the columns may be looked at from any."""

    def __init__(self, n_devices: int) -> None:
        """Begin with nothing heard."""
        self.counted = Counted(*(np.zeros(n_devices, np.int64) for _ in fields(Counted)))
        self.counted.last[:] = NO_NUMBER
        self.holes: dict[int, list[tuple[int, int]]] = {}
        """Device to its open ranges of missing numbers, first and last, oldest first."""
        self.counts: Counter[tuple[str, str]] = Counter()

    def take(self, device: NDArray[np.intp], number: Ints, boot: Ints) -> Ints:
        """Return int64[n], how many numbers each message shows to be missing, and remember all.

        Args:
            device: intp[n], place in the columns.
            number: int64[n], at least 0.
            boot: int64[n], `NO_BOOT` where the message says none.
        """
        counted = self.counted
        order = np.argsort(device, kind="stable")
        device, number, boot = device[order], number[order], boot[order]
        is_next = np.zeros(len(order), np.bool_)
        is_next[1:] = device[1:] == device[:-1]
        full = number + counted.base[device]
        last, boot_last = counted.last[device], counted.boot[device]
        last[1:][is_next[1:]] = full[:-1][is_next[1:]]
        boot_last[1:][is_next[1:]] = boot[:-1][is_next[1:]]
        regular = (full == last + 1) & (boot == boot_last) & (counted.last[device] != NO_NUMBER)
        opened = np.zeros(len(order), np.int64)
        if not regular.all():
            slow = np.isin(device, device[~regular])
            for row in np.flatnonzero(slow).tolist():
                opened[order[row]] = self._judge(int(device[row]), int(number[row]), int(boot[row]))
            device, full = device[~slow], full[~slow]
        counted.last[device] = full
        return opened

    def _judge(self, device: int, number: int, boot: int) -> int:
        """Return how many numbers one message shows to be missing."""
        counted = self.counted
        if counted.last[device] == NO_NUMBER:
            self._begin(device, number, boot)
        elif boot == counted.boot[device]:
            return self._step(device, number, boot)
        elif boot == counted.boot_before[device] != NO_BOOT:
            self._repeat(device, "earlier_boot")
        else:
            self._restart(device, number, boot, "boot")
        return 0

    def _step(self, device: int, number: int, boot: int) -> int:
        """Return the same within one boot."""
        full = self._unwrapped(device, number)
        step = full - int(self.counted.last[device])
        if 0 < step <= MAX_JUMP:
            self.counted.last[device] = full
            return self._miss(device, full - step + 1, full - 1) if step > 1 else 0
        if step > 0:
            self._restart(device, number, boot, "jump")
        elif not self._fill(device, full):
            if boot == NO_BOOT and number < _SMALL and -step > _NEAR:
                self._restart(device, number, boot, "number")
            else:
                self._repeat(device, "number")
        return 0

    def _unwrapped(self, device: int, number: int) -> int:
        """Return `number` as if its counter had never wrapped; notes when it does."""
        counted = self.counted
        last = int(counted.last[device] - counted.base[device])
        for period in _PERIODS:
            if period - _NEAR <= last < period and number < _NEAR:
                counted.base[device] += period
                counted.period[device] = period
        period = int(counted.period[device])
        if period and last < _NEAR and period - _NEAR <= number < period:
            return number + int(counted.base[device]) - period
        return number + int(counted.base[device])

    def _begin(self, device: int, number: int, boot: int) -> None:
        counted = self.counted
        counted.base[device] = counted.period[device] = 0
        counted.last[device], counted.boot[device] = number, boot
        self.holes.pop(device, None)

    def _restart(self, device: int, number: int, boot: int, reason: str) -> None:
        self.counted.boot_before[device] = self.counted.boot[device]
        self.counted.restarts[device] += 1
        self.counts["sequence_restarts", reason] += 1
        self._begin(device, number, boot)

    def _repeat(self, device: int, reason: str) -> None:
        self.counted.repeated[device] += 1
        self.counts["sequence_repeats", reason] += 1

    def _miss(self, device: int, first: int, last: int) -> int:
        holes = self.holes.setdefault(device, [])
        holes.append((first, last))
        if len(holes) > MAX_HOLES:
            del holes[0]
        n_missing = last - first + 1
        self.counted.missing[device] += n_missing
        self.counts["sequence_gaps", "missing"] += n_missing
        return n_missing

    def _fill(self, device: int, full: int) -> bool:
        """Return whether the number was missing; it is not any more."""
        holes = self.holes.get(device, [])
        for place, (first, last) in enumerate(holes):
            if first <= full <= last:
                holes[place : place + 1] = [
                    (low, high) for low, high in ((first, full - 1), (full + 1, last)) if low <= high
                ]
                del holes[: max(0, len(holes) - MAX_HOLES)]
                if not holes:
                    del self.holes[device]
                self.counted.filled[device] += 1
                self.counts["sequence_gaps", "filled"] += 1
                return True
        return False

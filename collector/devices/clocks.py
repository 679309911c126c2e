"""`DeviceClocks`: the offset of each device's clock, and the clocks that are steadily wrong.

Input: sensors and sent times of one commit, as received.
Output: bits for the readings with unbelievable times, the offsets of all devices, a snapshot.
Not responsible for: our own clock, files and values.
Rejects: nothing.

A device that uploads a buffer and one with a wrong clock look the same in one message: old. Time tells them apart. The
times of a wrong clock go on as fast as ours: its offset stays. A buffer runs faster, and its device was right a moment
ago, or will be soon. So an old time is a wrong clock's only after its offset has stood still for `PROOF_MESSAGES` and
`PROOF_NS`. No time of now may lie between. Until then its readings are late, and no rule takes them for now.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from collector.archive import pack_columns, unpack_columns
from collector.batch import RECEIVED_CLOCK, Quality
from collector.payload import NO_TIME
from config.register import Register

Ints = NDArray[np.int64]

_SECOND_NS = 1_000_000_000
PROOF_NS = 20 * _SECOND_NS
"""An offset must stand still for this long; assumed: ten messages of a device that speaks every 2 s."""
PROOF_MESSAGES = 3
"""And in so many commits; assumed."""
JITTER_NS = 2 * _SECOND_NS
"""Between measuring and receiving, times of one clock differ by this much; assumed: a mobile network."""
_DRIFT = 20
"""An offset may move by one part in so many of the time that it is watched; assumed. A buffer moves far faster."""
SAME_CLOCK_NS = 30 * _SECOND_NS
"""A known wrong clock is believed to be the same this far from where it was; assumed: it drifts, networks pause."""
AHEAD_NS = 5 * _SECOND_NS
"""A clock that was ahead by more and now tells a time of now was corrected; assumed: a good one is within a second."""
RECENT_NS = 60 * _SECOND_NS
"""So old a time is of now; assumed."""
JUMP_NS = 10 * _SECOND_NS
"""Our own clock was set when it moved on by so much more or less than time did; assumed: slewing is far slower."""
_FAR = 2**62
"""Times are cut here, so that no difference overflows: the year 2116, and as long before 1970."""
SOUND = np.iinfo(np.int64).min
"""Stands for a clock that is not known to be wrong, or has no known offset."""
_FORMAT = 2
_NOT_OF_NOW = np.uint16(RECEIVED_CLOCK | Quality.HISTORICAL)


@dataclass(slots=True)
class Clocks:
    """Columns of all devices."""

    offset_ns: Ints
    """Received minus measured, the least of late, slowly forgotten; `SOUND` where the device never gave a time."""
    wrong_ns: Ints
    """The same of a clock that is steadily wrong, `SOUND` where it is not."""
    newest_ns: Ints
    """Newest time that was believed."""
    since_ns: Ints
    """When the offset was first seen that may turn out to be a wrong clock's."""
    first_ns: Ints
    """That offset."""
    least_ns: Ints
    """The least of those seen since."""
    count: Ints
    """In how many commits."""


@dataclass(frozen=True, slots=True)
class ClockReport:
    """The state of one device's clock."""

    offset_s: float | None
    """How far its times are behind ours, seconds, negative: ahead; None when it never gave one."""
    is_wrong: bool
    """Its readings get the received time."""


class DeviceClocks:
    """Belongs to the thread of the intake; the reports may be asked for from any."""

    def __init__(self, register: Register, late_ns: Ints, future_ns: int) -> None:
        """Know nothing yet of any device.

        Args:
            register: the sensors and their devices.
            late_ns: int64[n_sensors + 1], from when on readings are late, the last row for no sensor.
            future_ns: how far ahead a time is believed.
        """
        self.ids = tuple(dict.fromkeys(sensor.device for sensor in register.sensors))
        self._place = {device: place for place, device in enumerate(self.ids)}
        # A last row stands for readings without a sensor.
        self._device = np.array([*(self._place[each.device] for each in register.sensors), len(self.ids)], np.intp)
        self._late_ns, self._future_ns = late_ns, future_ns
        n = len(self.ids) + 1
        self._least_late_ns = np.full(n, _FAR)
        np.minimum.at(self._least_late_ns, self._device[:-1], late_ns[:-1])
        self.columns = Clocks(*(np.zeros(n, np.int64) for _ in fields(Clocks)))
        for column in (self.columns.offset_ns, self.columns.wrong_ns, self.columns.newest_ns):
            column[:] = SOUND
        self._row, self._top = np.zeros(n, np.intp), np.full(n, -_FAR)
        self._moment: tuple[float, int] | None = None

    def notice(self, now_s: float, now_ns: int) -> None:
        """Find out whether our own clock was set; then all offsets are others, and no device has changed.

        Args:
            now_s: monotonic seconds.
            now_ns: UTC nanoseconds.
        """
        if self._moment is not None:
            jump_ns = now_ns - self._moment[1] - round((now_s - self._moment[0]) * _SECOND_NS)
            if abs(jump_ns) >= JUMP_NS:
                self._follow_ours(jump_ns)
        self._moment = now_s, now_ns

    def judge(
        self, sensor: NDArray[np.int32], sent_ns: Ints, said: NDArray[np.uint16], received_ns: int
    ) -> NDArray[np.uint16]:
        """Return TIME_PAST or TIME_FUTURE where a wrong clock gives a time of now, LATE where it gives one of long ago.

        Args:
            sensor: int32[n], -1 where there is none.
            sent_ns: int64[n], UTC nanoseconds, `NO_TIME` where the device gave none.
            said: uint16[n], bits that the decoders gave.
            received_ns: when they were received, UTC nanoseconds.
        """
        flags = np.zeros(len(sent_ns), np.uint16)
        rows = np.flatnonzero((sent_ns != NO_TIME) & ((said & _NOT_OF_NOW) == 0) & (sensor >= 0))
        if len(rows) == 0:
            return flags
        device, time_ns = self._device[sensor[rows]], np.clip(sent_ns[rows], -_FAR, _FAR)
        self._learn(device, time_ns, received_ns)
        wrong_ns = self.columns.wrong_ns[device]
        is_wrong = wrong_ns != SOUND
        if is_wrong.any():
            rows, time_ns, wrong_ns = rows[is_wrong], time_ns[is_wrong], wrong_ns[is_wrong]
            is_now = received_ns - time_ns - wrong_ns <= self._late_ns[sensor[rows]]
            now = np.where(time_ns > received_ns, Quality.TIME_FUTURE, Quality.TIME_PAST)
            flags[rows] = np.where(is_now, now, Quality.LATE)
        return flags

    def report(self, device: str) -> ClockReport:
        """Return the state of the clock of `device`, an empty one if the register does not have it."""
        place = self._place.get(device)
        offset_ns = SOUND if place is None else int(self.columns.offset_ns[place])
        if place is None or offset_ns == SOUND:
            return ClockReport(None, is_wrong=False)
        return ClockReport(offset_ns / _SECOND_NS, is_wrong=bool(self.columns.wrong_ns[place] != SOUND))

    def offsets(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return seconds behind ours, NaN where unknown, and whether the clock is wrong; both [n] in order of `ids`."""
        offset_ns, wrong_ns = self.columns.offset_ns[:-1].copy(), self.columns.wrong_ns[:-1].copy()
        return np.where(offset_ns == SOUND, np.nan, offset_ns / _SECOND_NS), wrong_ns != SOUND

    def n_wrong(self) -> int:
        """Return how many devices have a clock that is steadily wrong."""
        return int(np.count_nonzero(self.columns.wrong_ns[:-1] != SOUND))

    def _follow_ours(self, jump_ns: int) -> None:
        """Believe that every clock stays where it was when ours jumped: a time of now must not look late."""
        columns = self.columns
        known = np.flatnonzero(columns.offset_ns != SOUND)
        offset_ns = columns.offset_ns[known] + jump_ns
        doubtful = (offset_ns > self._least_late_ns[known]) | (offset_ns < -self._future_ns)
        columns.offset_ns[known] = offset_ns
        columns.wrong_ns[known] = np.where(doubtful, offset_ns, SOUND)
        columns.count[:] = 0

    def _learn(self, device: NDArray[np.intp], time_ns: Ints, received_ns: int) -> None:
        """Take the newest time of each device as one look at its clock."""
        rows = np.arange(len(device))
        self._row[device] = rows
        np.maximum.at(self._top, device, time_ns)
        device = device[self._row[device] == rows]
        time_ns = self._top[device]
        self._top[device] = -_FAR
        columns, offset_ns = self.columns, received_ns - time_ns
        newest_ns = columns.newest_ns[device]
        is_corrected = (newest_ns > received_ns + AHEAD_NS) & (offset_ns >= 0) & (offset_ns <= RECENT_NS)
        # Compared so that SOUND, the least number, does not overflow.
        is_behind_itself = (time_ns + JITTER_NS < newest_ns) & ~is_corrected
        doubtful = (offset_ns > self._least_late_ns[device]) | (offset_ns < -self._future_ns) | is_behind_itself
        if doubtful.any():
            self._doubt(device[doubtful], offset_ns[doubtful], received_ns)
            sound = ~doubtful
            device, time_ns, offset_ns = device[sound], time_ns[sound], offset_ns[sound]
            newest_ns, is_corrected = newest_ns[sound], is_corrected[sound]
        columns.newest_ns[device] = np.where(is_corrected, time_ns, np.maximum(newest_ns, time_ns))
        columns.wrong_ns[device], columns.count[device] = SOUND, 0
        before_ns = columns.offset_ns[device]
        before_ns = np.where(before_ns == SOUND, offset_ns, before_ns)
        columns.offset_ns[device] = np.minimum(offset_ns, before_ns + (offset_ns - before_ns) // 8)

    def _doubt(self, device: NDArray[np.intp], offset_ns: Ints, received_ns: int) -> None:
        """Look at clocks of distinct devices that cannot be right, and find those that stay where they are."""
        columns = self.columns
        wrong_ns = columns.wrong_ns[device]
        is_wrong = wrong_ns != SOUND
        moved_ns = np.where(is_wrong, offset_ns - np.where(is_wrong, wrong_ns, 0), 0)
        # What runs ahead of a clock was not told by it: a slow upload, or another clock.
        columns.wrong_ns[device[moved_ns < -SAME_CLOCK_NS]] = SOUND
        same = is_wrong & (np.abs(moved_ns) <= SAME_CLOCK_NS)
        columns.count[device[same]] = 0
        device, offset_ns = device[~same], offset_ns[~same]
        span_ns = received_ns - columns.since_ns[device]
        moved_ns = np.abs(offset_ns - columns.first_ns[device])
        stays = (columns.count[device] > 0) & (span_ns >= 0) & (moved_ns <= JITTER_NS + span_ns // _DRIFT)
        new = device[~stays]
        columns.since_ns[new], columns.count[new] = received_ns, 1
        columns.first_ns[new] = columns.least_ns[new] = offset_ns[~stays]
        device, offset_ns = device[stays], offset_ns[stays]
        columns.count[device] += 1
        columns.least_ns[device] = np.minimum(columns.least_ns[device], offset_ns)
        proven = (columns.count[device] >= PROOF_MESSAGES) & (span_ns[stays] >= PROOF_NS)
        device = device[proven]
        columns.wrong_ns[device] = columns.offset_ns[device] = columns.least_ns[device]
        columns.count[device] = 0

    def snapshot(self) -> bytes:
        """Return all of it."""
        return pack_columns(_FORMAT, self.ids, self._named())

    def restore(self, blob: bytes) -> None:
        """Take over the state of the devices that exist in the snapshot and in the register.

        Raises:
            CheckpointUnusableError: `blob` is not intact; nothing was taken over.
        """
        columns = self._named()
        unpack_columns(blob, _FORMAT, self.ids, columns).move_into(columns)

    def _named(self) -> dict[str, Ints]:
        return {each.name: getattr(self.columns, each.name)[:-1] for each in fields(Clocks)}

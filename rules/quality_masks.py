"""The quality flags that a kind of rule does not use, as named masks with their reasons.

Input: nothing.
Output: `QualityMask`s, two of them for each line of `rules.kinds.RULE_KINDS`.
Not responsible for: how flags are set (`collector/checks`), and readings that are not of now (`rules/admission`).
Rejects: nothing.
"""

from dataclasses import dataclass

from collector.batch import Quality


@dataclass(frozen=True, slots=True)
class QualityMask:
    """Flags of which any one excludes a reading."""

    flags: Quality
    reason: str
    """Why, for people."""

    @property
    def words(self) -> str:
        """The names of the flags, separated by commas; a dash where there are none."""
        return ", ".join(str(flag.name) for flag in self.flags) or "–"


NOTHING = QualityMask(Quality.GOOD, "A danger must not wait until the data looks normal.")
DOUBTED = QualityMask(
    Quality.SPIKE | Quality.RATE | Quality.DEVICE_SUSPECT,
    "A value that is computed from many readings must not follow one that nothing has confirmed. A real jump is used "
    "as soon as a second reading confirms it.",
)
DOUBTED_BUT_FAST = QualityMask(
    Quality.SPIKE | Quality.DEVICE_SUSPECT,
    "The pressure of a burst falls faster than its quantity usually moves, so RATE is used.",
)
DOUBTED_BUT_SHAKEN = QualityMask(
    Quality.DEVICE_SUSPECT,
    "A blow to a structure is a spike and faster than usual, so SPIKE and RATE are used.",
)
DOUBTED_OR_FROZEN = QualityMask(
    Quality.SPIKE | Quality.FLAT | Quality.DEVICE_SUSPECT,
    "A frozen sensor departs from its zone while nothing happens. A whole zone may move fast, so RATE is used.",
)
DOUBTED_DEVICE = QualityMask(
    Quality.SPIKE | Quality.DEVICE_SUSPECT | Quality.OUT_OF_RANGE,
    "A device that jumps or is frozen is the fault to find, so RATE and FLAT are used.",
)
UNUSABLE = QualityMask(Quality.OUT_OF_RANGE, "No working instrument reports the value, so it proves nothing.")
UNUSUAL = QualityMask(
    Quality.FLAT | Quality.CLIMATOLOGY | Quality.UNCHECKED | Quality.OUT_OF_RANGE,
    "The reading is compared, but an expectation must not follow a value that may be wrong.",
)
NOT_NOISE = QualityMask(
    Quality.SPIKE
    | Quality.RATE
    | Quality.DEVICE_SUSPECT
    | Quality.FLAT
    | Quality.NEIGHBOUR
    | Quality.UNCHECKED
    | Quality.OUT_OF_RANGE,
    "The reading is compared with limits, but its step from the reading before is not noise of the sensor.",
)

"""The five warning levels: one table of colours and names for every message, page and panel.

Input: nothing.
Output: `WarningLevel`.
Not responsible for: recipients and channels.
Rejects: keys that name no level.
"""

from enum import IntEnum


class WarningLevel(IntEnum):
    """The five ordered risk levels of the city, lowest to highest.

    Source: the high-rise fire code of Chongqing grades five risks, 重大, 较大, 一般, 较低 and 低, shown as red, orange,
    yellow, blue and green; the upper four are the levels of article 42 of China's Emergency Response Law (2007).
    Green is the cleared state.
    """

    GREEN = 1
    BLUE = 2
    YELLOW = 3
    ORANGE = 4
    RED = 5

    @property
    def key(self) -> str:
        """Lower-case word used in configuration files, metrics and tags."""
        return self.name.lower()

    @property
    def zh(self) -> str:
        """Chinese name of the risk level."""
        return _TABLE[self][0]

    @property
    def colour_zh(self) -> str:
        """Chinese name of the colour."""
        return _TABLE[self][1]

    @property
    def en(self) -> str:
        """English name of the risk level."""
        return _TABLE[self][2]

    @property
    def hex(self) -> str:
        """Colour for screens as #rrggbb."""
        return _TABLE[self][3]


# level: risk level zh, colour zh, risk level en, screen colour
_TABLE = {
    WarningLevel.RED: ("重大风险", "红", "major risk", "#d4002a"),
    WarningLevel.ORANGE: ("较大风险", "橙", "larger risk", "#f07c00"),
    WarningLevel.YELLOW: ("一般风险", "黄", "general risk", "#e6b800"),
    WarningLevel.BLUE: ("较低风险", "蓝", "lower risk", "#1f6fd6"),
    WarningLevel.GREEN: ("低风险", "绿", "low risk", "#2e9e5b"),
}

NO_LEVEL = 0
"""Stored where an alarm is inactive, so that a level column can say "none" without a sixth level."""

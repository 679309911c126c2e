import numpy as np
import pytest

from collector.history import Series
from config.levels import WarningLevel
from lifeline.console.chart import HEIGHT, WIDTH, ChartLimit, ChartWindow, draw_chart

SECOND = 1_000_000_000
WINDOW = ChartWindow(0, 900 * SECOND, 10 * SECOND)


def _series(times, values, quality=None):
    quality = quality or [0] * len(times)
    return Series(np.array(times, np.int64) * SECOND, np.array(values, float), np.array(quality, np.uint16))


def test_draw_gap_breaks_line():
    """No line bridges a time without readings."""
    chart = draw_chart(_series([0, 5, 10, 100, 105], [1, 2, 3, 4, 5]), [], WINDOW)
    assert [3, 2] == [len(line.split()) for line in chart.lines]


def test_draw_points_and_limits_lie_inside():
    """Readings and limit lines are all within the picture."""
    chart = draw_chart(_series([0, 450, 899], [0.0, 0.4, 0.2]), [ChartLimit(WarningLevel.ORANGE, 0.05, "low")], WINDOW)
    numbers = [tuple(map(float, point.split(","))) for line in chart.lines for point in line.split()]
    inside = [0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in numbers] + [
        0 <= line.y <= HEIGHT for line in chart.limits
    ]
    assert all(inside)


def test_draw_empty_series_has_no_line():
    """Without readings there are ticks and limits, but no curve and no last value."""
    chart = draw_chart(_series([], []), [ChartLimit(WarningLevel.RED, 5.0, "high")], WINDOW)
    assert ((), None, 1) == (chart.lines, chart.last, len(chart.limits))


def test_draw_constant_series_keeps_a_range():
    """A flat line needs room above and below, not a division by zero."""
    assert draw_chart(_series([0, 5], [0.0, 0.0]), [], WINDOW).lines


def test_draw_doubtful_reading_is_marked():
    """A reading with a doubtful quality gets a mark of its own."""
    assert len(draw_chart(_series([0, 5], [1, 2], [0, 1]), [], WINDOW).doubtful) == 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.3], ["0", "0.1", "0.2", "0.3"]),
        ([-3.0, 17.0], ["-5", "0", "5", "10", "15", "20"]),
        ([20.0, 20.0], ["19", "20", "21"]),
        ([0.0, 0.0], ["-0.0005", "0", "0.0005"]),
    ],
)
def test_draw_ticks_are_round_numbers(values, expected):
    """The axis is labelled with numbers that a person reads at a glance."""
    assert expected == [tick.label for tick in draw_chart(_series([0, 5], values), [], WINDOW).y_ticks]

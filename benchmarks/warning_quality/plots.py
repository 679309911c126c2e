"""I/O: one picture a data set: events found against false episodes a sensor and day, and who ranks where.

Comes in: entries. Goes out: a PNG file. matplotlib draws it, which PyOD brings anyway. Axes by orders of magnitude are
not worth writing again, as the plain bars of a back-test are. Shapes and fills tell ours from others, so that it reads
on a printer without colours.
"""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.warning_quality.table import Entry, Sort

_MARKERS = {Sort.OURS: ("*", "black", 420), Sort.PLAIN: ("s", "0.75", 130), Sort.PEER: ("o", "white", 190)}
_BARS = {Sort.OURS: ("black", ""), Sort.PLAIN: ("0.75", ""), Sort.PEER: ("white", ""), Sort.BOUND: ("white", "///")}
_STANDS = 0.5
_NEAR = 40.0, 18.0
"""Marks closer than so many dots share a label."""


def draw(name: str, goal: str, found: Sequence[Entry], path: Path) -> None:
    """Write the picture of one data set to `path`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - an optional extra
    from matplotlib.figure import Figure  # noqa: PLC0415 - an optional extra

    shown = [each for each in found if not each.refused]
    figure = Figure(figsize=(13, 6), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    figure.suptitle(f"{name}   (goal: {goal})")
    _scatter(left, shown)
    _bars(right, shown)
    figure.draw_without_rendering()
    _number(left, shown)
    figure.savefig(path, dpi=90)


def _scatter(axes: object, shown: Sequence[Entry]) -> None:
    """Draw where everybody stands; the numbers are those of the bars."""
    rates = [each.score.false_per_sensor_day for each in shown]
    least = min((rate for rate in rates if rate > 0), default=1.0)
    axes.set_xscale("symlog", linthresh=least / 2, linscale=0.7)
    axes.set_xlim(-least / 4, max(*rates, least) * 10)
    axes.set_ylim(-0.05 * shown[0].score.events, 1.1 * shown[0].score.events)
    for each in shown:
        place = each.score.false_per_sensor_day, each.score.found
        if each.sort is Sort.BOUND:
            axes.scatter(*place, s=70, marker="x", c="black", clip_on=False)
        else:
            marker, fill, size = _MARKERS[each.sort]
            stands = each.score.standing_s > _STANDS * max(each.score.normal_s, 1e-9)
            order = 5 if each.sort is Sort.OURS else 2
            line = (0, (1, 1.5)) if stands else "solid"
            axes.scatter(*place, s=size, marker=marker, c=fill, edgecolors="black", linestyle=line, zorder=order)
    axes.set_xlabel("false episodes a sensor and day")
    axes.set_ylabel(f"events found, of {shown[0].score.events}")
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.set_title(
        "star ours, square plain, circle peer, x always and never; dotted: in alarm for most of the normal time",
        fontsize=9,
    )
    axes.grid(visible=True, color="0.9")


def _number(axes: object, shown: Sequence[Entry]) -> None:
    """Write the numbers of the bars beside the marks, those of marks that touch together."""
    clusters: list[tuple[list[float], list[int]]] = []
    places = [(each.score.false_per_sensor_day, each.score.found) for each in shown]
    dots = axes.transData.transform(places).tolist()
    for number, (x, y) in sorted(enumerate(dots, 1), key=lambda each: each[1]):
        near = (each for each in clusters if x - each[0][0] < _NEAR[0] and abs(each[0][1] - y) < _NEAR[1])
        cluster = next(near, None)
        if cluster is None:
            clusters.append(([x, y, x], [number]))
        else:
            cluster[0][2] = x
            cluster[1].append(number)
    for (x, y, right), numbers in clusters:
        before = sum(each[0][0] < x and abs(each[0][1] - y) < _NEAR[1] for each in clusters)
        at = axes.transData.inverted().transform((right, y))
        label = ",".join(map(str, sorted(numbers)))
        axes.annotate(label, at, xytext=(9, -15 if before % 2 else 7), textcoords="offset points", fontsize=9, zorder=9)


def _bars(axes: object, shown: Sequence[Entry]) -> None:
    """Draw the rank of each entry, with its number and name."""
    worth = [each.rank for each in shown]
    lowest = min(0.0, *(each for each in worth if each > -max(worth, default=1.0)))
    for place, each in enumerate(shown):
        fill, hatch = _BARS[each.sort]
        width = max(each.rank, lowest)
        axes.barh(place, width, color=fill, hatch=hatch, edgecolor="black")
        axes.annotate(
            f" {each.rank:.2g}" if abs(each.rank) < 1 else f" {each.rank:.1f}",
            (max(width, 0), place),
            va="center",
            fontsize=8,
        )
    axes.set_yticks(range(len(shown)), [f"{each.name}  {i}" for i, each in enumerate(shown, 1)], fontsize=9)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_title("rank: the makers' score, or F1 times calm", fontsize=9)

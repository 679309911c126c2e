"""I/O: the demonstration in the terminal: a live view on a terminal, plain lines elsewhere.

Input: a running world and lines of its feed.
Output: text.
Not responsible for: the story.
Rejects: nothing.
"""

import contextlib
import time
from collections.abc import Iterator

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from config.levels import WarningLevel
from lifeline.demo.feed import FeedLine
from lifeline.demo.world import DemoWorld
from lifeline.reports.asset_rows import count_levels, list_asset_rows
from lifeline.rules_stage.live_state import ALIVE, BLIND

_OTHER_ROWS = 9
"""Rows of the terminal that are not lines of the story."""
_MARKS = {"story": "●", "alarm": "▲", "sms": "✉", "check": "✔"}


class Screen:
    """Shows lines as they come; on a terminal the last ones below the state of the district."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lines: list[FeedLine] = []
        self._world: DemoWorld | None = None
        self._began_s = time.monotonic()
        self._last = (self._began_s, 0, 0.0)

    def show(self, line: FeedLine) -> None:
        """Add one line."""
        self._lines.append(line)
        if not self._console.is_terminal:
            self._console.print(_format_plain(line), soft_wrap=True)

    def say(self, text: str) -> None:
        """Print a line that stays, e.g. an address."""
        self._console.print(text, markup=False, soft_wrap=True)

    @contextlib.contextmanager
    def live(self, world: DemoWorld) -> Iterator[None]:
        """Keep the view of `world` current while the body runs; plain output stays as it is."""
        self._world = world
        if not self._console.is_terminal:
            yield
            return
        with Live(get_renderable=self._render, console=self._console, refresh_per_second=4, screen=False):
            yield

    def _render(self) -> Group:
        world = self._world
        if world is None:
            return Group()
        room = max(4, self._console.size.height - _OTHER_ROWS)
        lines = Text("\n").join(_format_coloured(line) for line in self._lines[-room:])
        lines.no_wrap, lines.overflow = True, "ellipsis"
        addresses = Text(f"控制台 console {world.app.url}   短信收件箱 SMS inbox {world.inbox_url}   Ctrl-C 结束 ends")
        return Group(Panel(self._make_table(world), title="城市生命线 · Lifeline"), Panel(lines), addresses)

    def _make_table(self, world: DemoWorld) -> Table:
        health = world.app.live_state.health
        configuration = world.configuration
        counts = count_levels(
            list_asset_rows(configuration.register, world.app.stages.engine.alarms, world.app.live_state)
        )
        table = Table.grid(padding=(0, 3))
        table.add_row(
            f"[bold]{self._measure_rate(world):,.0f}[/] 读数/秒 readings/s",
            f"[bold green]{(health == ALIVE).sum()}[/] 在线 alive",
            f"[bold red]{(health == BLIND).sum()}[/] 失联 blind",
            f"[bold]{len(world.gateway.inbox())}[/] 短信 SMS",
            f"{time.monotonic() - self._began_s:,.0f} s",
        )
        levels = [f"[bold {level.hex}]■ {level.colour_zh} {n}[/]" for level, n in counts.items() if level]
        table.add_row(*levels[:5])
        return table

    def _measure_rate(self, world: DemoWorld) -> float:
        then_s, before, rate = self._last
        now_s, now = time.monotonic(), world.app.stages.rules.counts["readings_judged", ""]
        if now_s - then_s >= 1.0:
            rate = (now - before) / (now_s - then_s)
            self._last = (now_s, now, rate)
        return rate


def _format_plain(line: FeedLine) -> str:
    return escape(f"{line.clock} {_MARKS.get(line.kind, ' ')} {line.text}")


def _format_coloured(line: FeedLine) -> Text:
    style = (
        line.level.hex if line.level else {"sms": "cyan", "alarm": "yellow", "check": "green"}.get(line.kind, "bold")
    )
    return Text.assemble((f"{line.clock} ", "dim"), (f"{_MARKS.get(line.kind, ' ')} {line.text}", style))


def level_text(level: WarningLevel) -> str:
    """Return a level's colour and name in both languages."""
    return f"{level.colour_zh} {level.zh} · {level.key} {level.en}"

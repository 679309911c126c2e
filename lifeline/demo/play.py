"""I/O: `lifeline demo`: starts the world, plays the story, checks it, and goes on until it is stopped.

Input: options and a stop flag.
Output: an exit code: 0 when every check is met.
Not responsible for: servers; the demonstration needs none.
Rejects: a port in use, as `StartError`.
"""

import contextlib
import itertools
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from lifeline.demo.feed import Feed
from lifeline.demo.screen import Screen
from lifeline.demo.story import DemoStory, StoryError
from lifeline.demo.story_checks import StoryCheck
from lifeline.demo.world import DemoWorld
from lifeline.logs import configure_logs

_NEXT = (
    ("gas_leak", "G-0001", 60.0),
    ("bridge_overload", "B-0001", 60.0),
    ("gateway_outage", "W-0001", 30.0),
    ("zero_pressure", "T-0002", 30.0),
    ("dead_terminal", "T-0004", 30.0),
)
"""The events after the story, one after the other: scenario, asset, seconds."""
_EVERY_S = 120.0


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """How to play."""

    once: bool
    """End after the story, with its checks as exit code."""
    host: str
    console_port: int
    inbox_port: int
    keep: Path | None
    """Folder for journal, ledger and history; None means a temporary one."""


def run_demo(options: DemoOptions, stopping: threading.Event) -> int:
    """Play until the story is over (`once`) or `stopping` is set; returns the exit code.

    Raises:
        ConfigError: the packaged district is broken.
        StartError: a port is taken.
    """
    console = Console(highlight=False)
    screen = Screen(console)
    # On a terminal the view is the output; elsewhere only what is wrong is worth a line in the story.
    configure_logs("console", "error" if console.is_terminal else "warning", sys.stderr)
    with _open_folder(options.keep) as folder:
        world = DemoWorld(
            folder,
            options.host,
            console_port=options.console_port,
            inbox_port=options.inbox_port,
            stopping=stopping,
        )
        try:
            return _perform(world, screen, once=options.once)
        finally:
            world.stop()


def _perform(world: DemoWorld, screen: Screen, *, once: bool) -> int:
    screen.say(f"控制台 console    {world.app.url}/")
    screen.say(f"短信收件箱 inbox  {world.inbox_url}")
    feed = Feed(world, screen.show)
    with screen.live(world):
        checks = _play(world, feed)
        for check in checks:
            feed.say(f"{'OK  ' if check.is_met else 'FAIL'} {check.claim}: {check.figure}", "check")
        if not once:
            _go_on(world, feed)
    if not checks:
        screen.say("stopped before the end of the story")
        return 1 if once else 0
    failed = [check for check in checks if not check.is_met]
    if world.app.failure:
        screen.say(f"failed: {world.app.failure.thread}: {world.app.failure.reason}")
    screen.say(f"{len(checks) - len(failed)} of {len(checks)} checks OK")
    return 1 if failed or world.app.failure else 0


def _play(world: DemoWorld, feed: Feed) -> list[StoryCheck]:
    try:
        return DemoStory(world, feed).play().list_checks()
    except StoryError as error:
        if world.stopping.is_set():
            return []
        return [StoryCheck("the story was played to its end", is_met=False, figure=str(error))]


def _go_on(world: DemoWorld, feed: Feed) -> None:
    feed.say("演示继续运行，每两分钟一个新事件 · it goes on: something new every two minutes")
    for name, asset, duration_s in itertools.cycle(_NEXT):
        world.wait_for(world.stopping.is_set, _EVERY_S, feed.pause)
        if world.stopping.is_set() or world.app.failure:
            return
        world.play(name, asset=asset, duration_s=duration_s)
        feed.say(f"{name} @ {asset}")


@contextlib.contextmanager
def _open_folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="lifeline-demo-") as folder:
        yield Path(folder)

"""The way of one warning through the code: modules entered, changes of module, and shapes of data.

usage: python -m benchmarks.one_warning [-v]      -v lists every module in the order of entry, and every shape

The whole program runs with a real broker and a real SMS gateway. One reading starts the on-delay of ORANGE. The
profiler then records the threads of intake, recorder, rules and dispatch. It records while the next reading passes:
from its receipt to its SMS. A shape is a record class of the project. The reading takes it on its way, and a value of
it crosses a border between two modules. Records that existed before the reading (configuration and state) do not count.
"""

import dataclasses
import gc
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import FrameType

from benchmarks.figures import Figure
from benchmarks.program import write_settings
from config.loading import load_settings
from config.time_units import SECOND_NS
from lifeline.configuration import load_configuration
from lifeline.runtime.app import App
from simulators.publisher import Publisher
from simulators.sms_gateway import SmsGateway
from tests.services.mosquitto import Mosquitto

_ROOT = Path(__file__).parents[1]
_STAGES = ("config", "collector", "rules", "alerts", "lifeline")
_THREADS = ("intake", "recorder", "rules", "dispatch", "send-")
"""Threads on the way of a warning."""
_TOPIC = "lifeline/v1/water/A00000/D00000/up"
_ROUTES = """
routes:
  - {name: all, dimension: hazard, levels: [orange, red], roles: [responsible, manager, maintenance], channels: [sms]}
"""
_ORANGE_MPA = 0.08
_ON_DELAY_NS = 11 * SECOND_NS
_WAIT_S = 20.0


@dataclasses.dataclass(slots=True)
class _Way:
    """One thread's part: the modules in the order of their calls, and the shapes that crossed a border."""

    visited: list[str] = dataclasses.field(default_factory=list)
    shapes: set[str] = dataclasses.field(default_factory=set)
    stack: list[str] = dataclasses.field(default_factory=list)


class Recorder:
    """A profile function for `threading.setprofile`; it records while `is_on`."""

    def __init__(self) -> None:
        self.is_on = False
        self._older: list[object] = []
        self._older_ids: frozenset[int] = frozenset()
        self.ways: dict[str, _Way] = {}
        self._modules: dict[str, str] = {}

    def begin(self) -> None:
        """Record from now on; the records that exist already are configuration and state."""
        self._older = [each for each in gc.get_objects() if _is_record_of_project(each)]
        self._older_ids = frozenset(map(id, self._older))
        self.is_on = True

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        """Record a call or a return of the project's own code."""
        if not self.is_on or event not in ("call", "return"):
            return
        module = self._module(frame.f_code.co_filename)
        if not module:
            return
        thread = threading.current_thread().name
        if not thread.startswith(_THREADS):
            return
        caller = self._caller(frame)
        way = self.ways.setdefault(thread, _Way())
        if event == "call" and (not way.visited or way.visited[-1] != module):
            way.visited.append(module)
        if caller and caller != module:
            if event == "call":
                names = frame.f_code.co_varnames[: frame.f_code.co_argcount + frame.f_code.co_kwonlyargcount]
                values = [frame.f_locals.get(name) for name in names if name not in ("self", "cls")]
            else:
                values = [argument]
                way.visited.append(caller)
            way.shapes.update(_shapes(values, self._older_ids))

    def _module(self, filename: str) -> str:
        if filename not in self._modules:
            self._modules[filename] = _module_of(filename)
        return self._modules[filename]

    def _caller(self, frame: FrameType) -> str:
        above = frame.f_back
        while above is not None:
            if found := self._module(above.f_code.co_filename):
                return found
            above = above.f_back
        return ""

    def modules(self) -> list[str]:
        """Return each module once, in the order of entry."""
        return list(dict.fromkeys(name for way in self.ways.values() for name in way.visited))

    def changes(self) -> int:
        """Return how often the running module changed."""
        return sum(
            here != there
            for way in self.ways.values()
            for here, there in zip(way.visited, way.visited[1:], strict=False)
        )

    def shapes(self) -> list[str]:
        """Return the classes of which values crossed a border between modules."""
        return sorted(set().union(*(way.shapes for way in self.ways.values())))

    def middles(self) -> list[str]:
        """Return the rooms of `lifeline/` that were entered."""
        return sorted({".".join(name.split(".")[:2]) for name in self.modules() if name.startswith("lifeline.")})


def _module_of(filename: str) -> str:
    path = Path(filename)
    if not path.is_relative_to(_ROOT) or path.relative_to(_ROOT).parts[0] not in _STAGES:
        return ""
    return ".".join(path.relative_to(_ROOT).with_suffix("").parts)


def _shapes(values: Iterable[object], older: frozenset[int]) -> Iterator[str]:
    """Give the names of the new records among `values`, and among the first items of collections."""
    for value in values:
        if isinstance(value, list | tuple | set | frozenset) and not hasattr(value, "_fields"):
            yield from _shapes(islice(value, 1), older)
        elif isinstance(value, dict):
            yield from _shapes(islice(value.values(), 1), older)
        elif _is_record_of_project(value) and id(value) not in older:
            yield f"{type(value).__module__}.{type(value).__name__}"


def _is_record_of_project(value: object) -> bool:
    if str(type(value).__module__).split(".")[0] not in _STAGES:
        return False
    return any(hasattr(type(value), name) for name in ("__dataclass_fields__", "_fields", "__struct_fields__"))


def record() -> Recorder:
    """Return the recording of one reading that raises an orange SMS."""
    recorder = Recorder()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker, sms = Mosquitto(folder / "mosquitto"), SmsGateway(delivery_reports=False)
        broker.start()
        sms.start()
        sms_url = f"http://127.0.0.1:{sms.port}/cgi-bin/sendsms"
        settings = write_settings(folder, broker.port, 1, sms_url, sms_url)
        (folder / "district" / "routes.yaml").write_text(_ROUTES, encoding="utf-8")
        threading.setprofile(recorder)
        app = App(load_configuration(load_settings(settings, {})))
        app.start()
        publisher = Publisher("127.0.0.1", broker.port, client_id="one-warning")
        publisher.start()
        try:
            _pass_through(app, publisher, sms, recorder)
        finally:
            threading.setprofile(None)
            publisher.stop()
            app.stop()
            sms.stop()
            broker.kill()
    return recorder


def _pass_through(app: App, publisher: Publisher, sms: SmsGateway, recorder: Recorder) -> None:
    now_ns = time.time_ns()
    _wait(lambda: app.health().is_ready)
    publisher.publish(_TOPIC, _payload(now_ns - _ON_DELAY_NS))
    _wait(lambda: app.stages.rules.counts["readings_judged", ""] >= 1)
    time.sleep(2)  # the program is quiet again
    recorder.begin()
    publisher.publish(_TOPIC, _payload(now_ns))
    _wait(lambda: len(sms.inbox()) >= 3)
    _wait(lambda: not app.stores.ledger.outbox.measure_queues())
    recorder.is_on = False


def _payload(time_ns: int) -> bytes:
    return json.dumps({"v": 1, "ts": time_ns // 1_000_000, "m": {"c00": _ORANGE_MPA}}).encode()


def _wait(claim: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + _WAIT_S
    while not claim():
        if time.monotonic() > deadline_s:
            raise TimeoutError(claim)
        time.sleep(0.01)


def measure() -> Iterator[Figure]:
    """Yield the counts of one recording."""
    recorder = record()
    yield Figure("one_warning.modules", len(recorder.modules()), "count", "<= 70")
    yield Figure("one_warning.changes_of_module", recorder.changes(), "count")
    yield Figure("one_warning.shapes", len(recorder.shapes()), "count", "<= 12")
    yield Figure("one_warning.rooms_of_lifeline", len(recorder.middles()), "count", "<= 1")


def main() -> None:
    """Print the way."""
    recorder = record()
    if "-v" in sys.argv:
        for thread, way in recorder.ways.items():
            print(f"# {thread}: {len(set(way.visited))} modules")
            print("\n".join(f"  {name}" for name in dict.fromkeys(way.visited)))
        print("# shapes")
        print("\n".join(f"  {name}" for name in recorder.shapes()))
    print(f"modules {len(recorder.modules())}, changes of module {recorder.changes()}, shapes {len(recorder.shapes())}")
    print(f"rooms of lifeline/: {', '.join(recorder.middles())}")


if __name__ == "__main__":
    main()

"""I/O: more damaged payloads than a test run has time for, with what they cost.

usage: python -m tests.collector.decoders.fuzz [PAYLOADS [SEED]]

For each format: how many payloads were read and how many refused, the slowest one, and what the process has grown by
since the first thousand. Ends with 1 where a payload raised anything but `PayloadError`, took longer than a second, or
left memory behind.
"""

import gc
import sys
import time
from collections import Counter
from pathlib import Path

from collector.decoders import DECODERS
from collector.payload import Decoder, PayloadError
from tests.collector.decoders.cases import CASES, Example, open_decoder
from tests.collector.decoders.test_conformance import MAX_READINGS, judge, mutations

WARM_UP = 1000
SLOWEST_S = 1.0
GROWN_KB = 4096
"""The allocator keeps some of what it once had; a leak of a kilobyte each would be 10 MB."""
SPARKPLUG = {"group_id": "g", "message_type": "DDATA", "edge_node_id": "e", "device_id": "d"}
KINDS = ("NBIRTH", "DBIRTH", "NDATA", "DDATA", "NDEATH", "DDEATH")


def main() -> None:
    """Judge every format and print one line each."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    good = True
    for name in CASES:
        example = CASES[name].examples[0]
        good &= _fuzz(name, open_decoder(name, example.options), count, seed)
    register = {"g:e": {"online"}, "g:e:d": {"online", "Inputs.A"}}
    session = DECODERS["sparkplug_b"].open(register, Counter())
    good &= _fuzz("sparkplug_b", session, count, seed, note=" with a session")
    sys.exit(0 if good else 1)


def _fuzz(name: str, decoder: Decoder, count: int, seed: int, note: str = "") -> bool:
    """Return whether all went well with `count` payloads of one format."""
    example = CASES[name].examples[0]
    read, slowest_s, before_kb = 0, 0.0, 0
    for number, payload in enumerate(mutations(name, WARM_UP + count, seed)):
        if number == WARM_UP:
            gc.collect()
            before_kb = _memory_kb()
        kind = {**SPARKPLUG, "message_type": KINDS[number % len(KINDS)]} if note else {}
        chosen = Example(payload, [], {**example.fields, **kind}, example.options)
        begin = time.perf_counter()
        judge(decoder, payload, chosen)
        slowest_s = max(slowest_s, time.perf_counter() - begin)
        read += _is_read(decoder, payload, chosen)
    gc.collect()
    grown_kb = _memory_kb() - before_kb
    refused = WARM_UP + count - read
    cost = f"slowest {slowest_s * 1e3:.1f} ms, grown {grown_kb} kB"
    sys.stdout.write(f"{name + note}: {read} read, {refused} refused, {cost}\n")
    sys.stdout.flush()
    return slowest_s < SLOWEST_S and grown_kb < GROWN_KB


def _is_read(decoder: Decoder, payload: bytes, example: Example) -> bool:
    try:
        decoder.decode(payload, {"device": "FT-1", "channel": "c0"} | dict(example.fields), MAX_READINGS)
    except PayloadError:
        return False
    return True


def _memory_kb() -> int:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


if __name__ == "__main__":
    main()

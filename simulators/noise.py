"""Repeatable randomness: every number is a pure function of a seed, a label and a sample number.

Input: seed, label, sample numbers or times.
Output: float64 arrays.
Not responsible for: any state: a span asked for twice, in pieces or backwards is the same span.
Rejects: nothing.

Source: Philox, a counter-based generator (Salmon et al. 2011).
"""

import hashlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_BLOCK = 256


def key(seed: int, label: str) -> int:
    """Return the 128-bit generator key of `label`, the same on every machine and in every process."""
    digest = hashlib.blake2b(label.encode(), digest_size=16, key=str(seed).encode()).digest()
    return int.from_bytes(digest, "big")


def share(seed: int, label: str) -> float:
    """Return one number in 0..1 that belongs to `label`: a phase, a gain, a place in a list."""
    return key(seed, label) / 2.0**128


def white(seed: int, label: str, sample: IntArray) -> FloatArray:
    """Return standard normal noise, float64[n], one independent number for each sample number (int64[n])."""
    if len(sample) == 0:
        return np.empty(0)
    generator_key = key(seed, label)
    block, place = np.divmod(sample, _BLOCK)
    blocks, row = np.unique(block, return_inverse=True)
    table = np.stack([_normal_block(generator_key, int(number)) for number in blocks])
    return np.asarray(table[row, place], np.float64)


def smooth(seed: int, label: str, time_ns: IntArray, period_s: float) -> FloatArray:
    """Return noise of about unit size that wanders over `period_s`: white numbers joined by half cosines.

    Args:
        seed: of the district.
        label: owner of the noise.
        time_ns: int64[n], UTC nanoseconds.
        period_s: seconds between two independent numbers.
    """
    step, rest = np.divmod(time_ns, int(period_s * 1e9))
    weight = (1.0 - np.cos(np.pi * rest / (period_s * 1e9))) / 2.0
    return white(seed, label, step) * (1.0 - weight) + white(seed, label, step + 1) * weight


# a span of seconds asks for the same few numbers of a block again and again
@lru_cache(maxsize=4096)
def _normal_block(generator_key: int, block: int) -> FloatArray:
    # The block number stands in the high bits of the counter: blocks never overlap however much one of them draws.
    counter = (block % 2**64) << 128
    return np.random.Generator(np.random.Philox(key=generator_key, counter=counter)).standard_normal(_BLOCK)

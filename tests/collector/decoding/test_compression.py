import gzip
import tracemalloc
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.dead_letter import DeadLetterReason
from collector.decoding.compression import inflate
from collector.payload import PayloadError

GZIP = gzip.compress(b"x", mtime=0)  # without the clock: two workers must name the cases below alike
PACK = {"gzip": gzip.compress, "zlib": zlib.compress}


@pytest.mark.parametrize("compression", PACK)
@given(payload=st.binary(max_size=500))
def test_inflate_of_packed_payload_gives_the_payload(compression, payload):
    """Unpacking is the inverse of packing, also of nothing."""
    assert payload == inflate(PACK[compression](payload), compression, 500)


def test_inflate_several_gzip_members_gives_all():
    """Files of gzip may follow each other."""
    assert b"ab" == inflate(gzip.compress(b"a") + gzip.compress(b"b"), "gzip", 2)


@pytest.mark.parametrize(
    ("packed", "compression", "reason"),
    [
        (b"", "gzip", DeadLetterReason.SYNTAX),
        (b"plain", "zlib", DeadLetterReason.SYNTAX),
        (zlib.compress(b"x"), "gzip", DeadLetterReason.SYNTAX),
        (GZIP[:-1], "gzip", DeadLetterReason.SYNTAX),
        (GZIP + b"rest", "gzip", DeadLetterReason.SYNTAX),
        (zlib.compress(b"x") + b"rest", "zlib", DeadLetterReason.SYNTAX),
        (zlib.compress(b"x" * 101), "zlib", DeadLetterReason.TOO_LARGE),
        (gzip.compress(b"x" * 60, mtime=0) * 2, "gzip", DeadLetterReason.TOO_LARGE),
    ],
)
def test_inflate_anything_else_says_why(packed, compression, reason):
    """What is not whole, not so packed or too large is refused with its reason."""
    with pytest.raises(PayloadError) as caught:
        inflate(packed, compression, 100)

    assert reason == caught.value.reason


@pytest.mark.parametrize("compression", PACK)
@given(payload=st.binary(max_size=200))
def test_inflate_any_bytes_raises_payload_errors_only(compression, payload):
    """Random bytes are unpacked or refused, never anything else."""
    with suppress(PayloadError):
        assert len(inflate(payload, compression, 100)) <= 100


def test_inflate_bomb_never_unfolds():
    """Sixty-four megabytes in sixty-four kilobytes cost no more memory than the limit allows."""
    packer = zlib.compressobj(9)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    tracemalloc.start()
    with pytest.raises(PayloadError):
        inflate(bomb, "zlib", 65_536)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(bomb) < 100_000
    assert peak < 1_000_000

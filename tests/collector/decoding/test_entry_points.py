import sys
from importlib.metadata import EntryPoint

import pytest

from collector.decoders import DECODERS
from collector.decoding.entry_points import GROUP, load_decoders
from collector.decoding.pipeline import Pipeline, RawMessage
from config.errors import ConfigError
from config.settings import IntakeSettings, Subscription
from tests.collector.registers import NOW_NS, quantities, register

MODULE = """
from collector.payload import NO_TIME, Columns, Decoder

def decode(payload, fields, max_readings):
    return Columns(["heartbeat"], [NO_TIME], [float(payload[0])], [0])

def encode(columns):
    return bytes([int(columns.value[0])])

DECODER = Decoder(decode, encode)
SOMETHING_ELSE = "text"
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install a distribution with a decoder: a module, its metadata and its entry point."""
    (tmp_path / "vendor_bytes.py").write_text(MODULE, encoding="utf-8")
    metadata = tmp_path / "vendor_bytes-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: vendor-bytes\nVersion: 1.0\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text(f"[{GROUP}]\nvendor_byte = vendor_bytes:DECODER\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("vendor_bytes", None)


def point(name: str, value: str) -> EntryPoint:
    """Return an entry point as installed metadata gives it."""
    return EntryPoint(name, value, GROUP)


@pytest.mark.usefixtures("installed")
def test_decoder_of_an_installed_package_reads_messages():
    """A format that another package brings is used like one of ours."""
    subscription = Subscription(filter="v/+", template="v/{device}", decoder="vendor_byte")
    decoders = load_decoders(["vendor_byte"])
    one = Pipeline(register(), quantities(), [subscription], IntakeSettings(), decoders=decoders)
    batch, dead = one.decode([RawMessage("v/FT-1", b"\x07")], NOW_NS)

    assert ([7.0], []) == (batch.value.tolist(), dead)


@pytest.mark.usefixtures("installed")
def test_package_that_no_subscription_names_is_not_loaded():
    """Being installed is not enough to run in the program."""
    assert DECODERS == load_decoders(["lifeline_json"])
    assert "vendor_bytes" not in sys.modules


def test_package_never_takes_the_place_of_our_own():
    """A name of our table is ours."""
    assert DECODERS == load_decoders(DECODERS, [point("lifeline_json", "nowhere:DECODER")])


def test_name_that_nobody_has_is_left_to_the_subscription():
    """The subscription that asks for it tells what there is."""
    assert DECODERS == load_decoders(["morse"], [])


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("points", "word"),
    [
        ([point("x", "nowhere_at_all:DECODER")], "ModuleNotFoundError"),
        ([point("x", "vendor_bytes:NOTHING")], "AttributeError"),
        ([point("x", "vendor_bytes:SOMETHING_ELSE")], "str"),
        ([point("x", "vendor_bytes:DECODER")] * 2, "two"),
    ],
)
def test_package_that_does_not_fit_is_a_configuration_error(points, word):
    """What cannot be loaded or is no decoder is told with its entry point before anything runs."""
    with pytest.raises(ConfigError) as caught:
        load_decoders(["x"], points)

    [problem] = caught.value.problems
    assert word in problem.got

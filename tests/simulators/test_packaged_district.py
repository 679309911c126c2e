import pytest

from collector.decoders import lifeline_json
from config.loading import load_quantities, load_register
from config.settings import packaged_district
from simulators.district import District
from simulators.scenarios import SCENARIOS, make_scenario

SECOND = 10**9
START = 1_790_000_000 * SECOND


@pytest.fixture(scope="module")
def packaged():
    """Return the register of the demo district."""
    return load_register(packaged_district(), load_quantities())


def test_district_packaged_register_is_simulated_whole(packaged):
    """Within its slowest cadence every registered sensor is heard, and nothing that is not registered."""
    messages = District(packaged, load_quantities(), 1).between(START, START + 61 * SECOND)

    heard = {(m.device, channel) for m in messages for channel in lifeline_json.decode(m.payload, {}, 1000).channel}
    assert set(packaged.channel_index) == heard


def test_district_packaged_register_values_are_within_instrument_range(packaged):
    """No undisturbed reading leaves the range of its quantity, so none is flagged."""
    quantities = load_quantities()
    for message in District(packaged, quantities, 1).between(START, START + 300 * SECOND):
        for channel, value in message.values.items():
            sensor = packaged.sensors[packaged.channel_index[message.device, channel]]
            quantity = quantities[sensor.quantity]

            assert quantity.low <= value * sensor.scale + sensor.offset <= quantity.high


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario_default_asset_exists_in_the_packaged_register(packaged, name):
    """Every scenario can be played in the demo district without naming an asset."""
    assert make_scenario(name, packaged, START).truth()

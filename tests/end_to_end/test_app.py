import httpx
import pytest

from config.settings import Settings
from lifeline.configuration import load_configuration
from lifeline.runtime.app import App
from lifeline.start_error import StartError
from tests.end_to_end.story_rig import StoryRig

pytestmark = pytest.mark.end_to_end


class NoGateway:
    """An SMS gateway at a closed port."""

    send_url, username, password = "http://127.0.0.1:9/cgi-bin/sendsms", "lifeline", "secret"


@pytest.fixture
def rig(tmp_path, mosquitto):
    """Return a running program with its district."""
    rig = StoryRig(tmp_path / "first", mosquitto, NoGateway())
    rig.start()
    yield rig
    rig.stop()


def test_app_two_in_one_process_share_nothing(rig, tmp_path, make_mosquitto):
    """A second program beside the first has its own console, numbers and end."""
    second = StoryRig(tmp_path / "second", make_mosquitto(), NoGateway())
    second.start()
    rig.wait_for(lambda: rig.app.stages.rules.counts["readings_judged", ""] > 100, 20)
    second.stop()
    answers = [httpx.get(f"{rig.app.url}{path}", trust_env=False).status_code for path in ("/", "/ready", "/metrics")]
    assert [200, 200, 200] == answers
    assert rig.app.registry is not second.app.registry


def test_app_dead_thread_fails_the_program(rig, monkeypatch):
    """A stage that raises ends the program and makes /health say so."""

    def broken(_entry):
        raise ValueError("a bug")

    monkeypatch.setattr(rig.app.stages.rules.live_engine, "evaluate", broken)
    assert rig.app.wait(10)
    assert ("rules", "ValueError: a bug") == (rig.app.failure.thread, rig.app.failure.reason)


def test_app_restart_goes_on_where_it_stopped(rig):
    """After a stop and a start, replay and ledger are equal, and every reading published meanwhile is stored."""
    rig.wait_for(lambda: rig.app.stages.rules.counts["readings_judged", ""] > 50, 20)
    rig.app.stop()
    again = App(rig.configuration)
    rig.app = again
    again.start()
    rig.wait_for(lambda: again.stages.rules.counts["readings_judged", ""] > 50, 20)
    rig.player.stop()
    assert rig.publisher.drain(20)
    rig.wait_for(lambda: again.stores.history.count() == len(rig.counting.readings), 20)
    assert rig.comparison().difference is None


def test_app_port_in_use_is_said_before_anything_starts(rig, tmp_path):
    """A console port that is taken ends the start with words, before a file is made."""
    port = int(rig.app.url.rpartition(":")[2])
    settings = Settings.model_validate(
        {
            "data_dir": tmp_path / "third",
            "channels": [channel.model_dump() for channel in rig.settings.channels],
            "console": {"port": port},
        }
    )
    with pytest.raises(StartError, match="expected a free address"):
        App(load_configuration(settings))
    assert not (tmp_path / "third").exists()

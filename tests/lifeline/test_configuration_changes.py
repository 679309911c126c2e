"""Open alerts after a restart with another configuration."""

import shutil

import pytest

from config.settings import packaged_district
from lifeline.configuration import load_configuration
from lifeline.runtime.stores import open_stores


class _Crash(Exception):  # noqa: N818 - it is what happens, not a fault of anybody
    """The program died here."""


def _restart(desk, **files):
    """Start again with the lines of each file (by stem) passed through a function; None leaves a line out."""
    folder = desk.folder / f"district{len(list(desk.folder.glob('district*')))}"
    shutil.copytree(desk.settings.district, folder)
    for path in folder.iterdir():
        if change := files.get(path.stem):
            lines = [change(line) for line in path.read_text(encoding="utf-8").splitlines()]
            path.write_text("".join(f"{line}\n" for line in lines if line is not None), encoding="utf-8")
    desk.undo.close()
    desk.settings = desk.settings.model_copy(update={"district": folder})
    desk.configuration = load_configuration(desk.settings)
    desk.stores = open_stores(desk.settings, desk.configuration.register, desk.undo)
    desk.new_stage().restore()


def _without_device(line):
    return None if ",FT-0001," in line else line


def _without_rule(line):
    return line.replace("fire_water, ", "")


def _kinds(desk, alert):
    return [each.notification.kind.value for each in desk.stores.ledger.outbox.read_deliveries(alert.id)]


def _reasons(desk, alert):
    return [each.reason.value for each in desk.stores.ledger.decisions.read(alert.id)]


@pytest.mark.parametrize("change", [{"sensors": _without_device}, {"rules": _without_rule}])
def test_restart_without_sensor_or_rule_closes_its_alert_and_tells_nobody(desk, change):
    """The alert is over, with its reason and without a return to normal that was not observed."""
    alert = desk.orange()
    _restart(desk, **change)

    assert ((), False) == (desk.stores.ledger.alerts.read_open(), desk.stores.ledger.alerts.find(alert.id).is_open)
    assert ["raised"] * 3 == _kinds(desk, alert)
    assert 1 == _reasons(desk, alert).count("configuration_changed")


def test_restart_again_decides_nothing_again(desk):
    """One closing is one decision, however often the program starts."""
    alert = desk.orange()
    _restart(desk, sensors=_without_device)
    before = _reasons(desk, alert)
    desk.new_stage().restore()

    assert before == _reasons(desk, alert)


@pytest.mark.parametrize("is_committed", [False, True])
def test_restart_that_dies_while_closing_decides_once(desk, monkeypatch, is_committed):
    """Whether the commit was lost or only its answer: the next start leaves one decision and a closed alert."""
    alert = desk.orange()
    ledger_type = type(desk.stores.ledger)
    commit = ledger_type.commit_step

    def dying(ledger, step):
        """Die before or behind the commit."""
        if is_committed:
            commit(ledger, step)
        raise _Crash

    monkeypatch.setattr(ledger_type, "commit_step", dying)
    with pytest.raises(_Crash):
        _restart(desk, sensors=_without_device)
    monkeypatch.setattr(ledger_type, "commit_step", commit)
    desk.new_stage().restore()

    assert 1 == _reasons(desk, alert).count("configuration_changed")
    assert not desk.stores.ledger.alerts.find(alert.id).is_open


def test_restart_with_a_new_district_name_keeps_the_alert_and_its_end(desk):
    """A change of other rules and sensors closes nothing; the end is sent when it comes."""
    alert = desk.orange()
    _restart(desk, assets=lambda line: line.replace("翡翠苑1号楼", "翡翠苑一号楼"))
    desk.feed(0.35, 20)
    desk.evaluate()

    assert ["raised"] * 3 + ["cleared"] * 3 == _kinds(desk, alert)


def test_restart_with_the_sensor_at_another_asset_tells_the_end(desk):
    """A sensor that now belongs elsewhere still ends its alert, and the program goes on."""
    alert = desk.orange()
    _restart(desk, sensors=lambda line: line.replace(",T-0001,FT-0001,", ",T-0002,FT-0001,"))
    desk.feed(0.35, 20)
    desk.evaluate()

    assert ["raised"] * 3 + ["cleared"] * 3 == _kinds(desk, alert)


def test_restart_of_a_blind_device_under_another_name_closes_its_fault(desk):
    """A fault of a device that is called otherwise now could never end: it is closed."""
    desk.stage.restore()
    desk.feed(0.35, 3)
    desk.now_ns += 60 * 1_000_000_000
    for _ in range(30):
        desk.stores.journal.append([desk.batch(0.35, "FT-0002")])
    desk.evaluate()
    fault = next(each for each in desk.stores.ledger.alerts.read_open() if each.device == "FT-0001")
    _restart(desk, sensors=lambda line: line.replace(",T-0001,FT-0001,", ",T-0001,FT-0099,"))

    assert not desk.stores.ledger.alerts.find(fault.id).is_open
    assert "configuration_changed" in _reasons(desk, fault)


def test_restart_without_snapshot_and_journal_closes_what_was_forgotten(desk):
    """After a lost state the danger is unknown: the alert is closed, and a danger that lasts is new."""
    alert = desk.orange()
    desk.stores.journal.trim(desk.stores.journal.last_position())
    desk.new_stage().restore()
    first = _reasons(desk, alert)
    desk.feed(0.0, 8)
    desk.evaluate()

    assert "state_lost" in first
    assert [False] == [each.id == alert.id for each in desk.stores.ledger.alerts.read_open()]


def test_packaged_district_is_what_these_tests_change():
    """The lines that the tests above replace are there."""
    folder = packaged_district()

    assert ",T-0001,FT-0001," in (folder / "sensors.csv").read_text(encoding="utf-8")
    assert "fire_water, " in (folder / "rules.yaml").read_text(encoding="utf-8")
    assert "翡翠苑1号楼" in (folder / "assets.csv").read_text(encoding="utf-8")

import contextlib

import pytest
import sqlalchemy as sa

from collector.journal import JournalBrokenError, JournalFullError
from config.settings import Settings
from lifeline.configuration import load_configuration
from lifeline.runtime.stores import open_stores
from lifeline.start_error import StartError


def _opened(folder, **sections):
    """Open the stores of the demo district below `folder`, and close them again."""
    channels = [{"name": "sms", "kind": "sms", "options": {"url": "http://h/x", "username": "u", "password": "p"}}]
    settings = Settings.model_validate({"data_dir": folder, "channels": channels, **sections})
    with contextlib.ExitStack() as undo:
        open_stores(settings, load_configuration(settings).register, undo)


def test_stores_in_use_by_another_program_say_which_and_what_to_do(desk):
    """A second program over the same journal does not start, and says why."""
    with pytest.raises(StartError, match=r"journal .*journal\.db: expected it to open, got .*another|stop it first"):
        _opened(desk.folder)


@pytest.mark.parametrize(
    "cause", [JournalFullError("the disk is full"), JournalBrokenError("EIO"), ValueError("a name with a line break")]
)
def test_stores_that_cannot_open_are_one_line_for_a_person(tmp_path, monkeypatch, cause):
    """Whatever a store raises when it opens becomes a start error with its place and its words."""

    def refuse(*_args):
        """Be the journal's opening."""
        raise cause

    monkeypatch.setattr("lifeline.runtime.stores.open_journal", refuse)
    with pytest.raises(StartError, match=rf"journal .*: expected it to open, got {cause}"):
        _opened(tmp_path)


def test_stores_with_a_ledger_of_another_version_name_the_ledger(tmp_path):
    """The message names the store that is wrong, not all three."""
    _opened(tmp_path)
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'ledger.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0099'")
    engine.dispose()
    with pytest.raises(StartError, match=r"ledger sqlite:///.*revision"):
        _opened(tmp_path)


def test_stores_never_show_the_password_of_a_ledger(tmp_path):
    """A ledger that cannot be reached is named without its password."""
    with pytest.raises(StartError) as failure:
        _opened(tmp_path, ledger={"url": "postgresql://lifeline:hush@127.0.0.1:1/none"})
    assert ("hush" in str(failure.value), "127.0.0.1:1" in str(failure.value)) == (False, True)


def test_stores_that_failed_leave_nothing_open(tmp_path):
    """After a failed start the same files open: nothing of it stayed behind."""
    with pytest.raises(StartError):
        _opened(tmp_path, ledger={"url": "postgresql://127.0.0.1:1/none"})
    _opened(tmp_path)

"""Ledgers of 0.1.0 become ledgers of today, whole or not at all, and nothing in them changes its meaning."""

import contextlib
import json
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from alerts.ledger.sql_ledger import open_ledger
from alerts.planning.planner import NEVER_DUE_NS, due_ns
from alerts.store import schema
from alerts.store.database import Database
from alerts.store.upgrade import FIRST, LedgerVersionError, upgrade
from tests.alerts import scenes
from tests.alerts.store.ledger_records import records_of
from tests.services.old_files import LEDGERS
from tests.sources import ROOT

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.end_to_end)]


@pytest.fixture(params=DATABASES)
def database(request) -> str:
    """Name either database."""
    return request.param


@pytest.fixture
def new_url(request, database, tmp_path):
    """Return the URL of an empty database."""
    return f"sqlite:///{tmp_path / 'new.db'}" if database == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
def old_url(request, database, tmp_path, old_files):
    """Return a function that gives the URL of a ledger as 0.1.0 left it."""

    def make(name: str) -> str:
        """Copy the ledger `name`."""
        if database == "sqlite":
            return f"sqlite:///{old_files.sqlite_ledger(name, tmp_path)}"
        url = request.getfixturevalue("postgresql").fresh_url()
        old_files.postgresql_ledger(name, url)
        return url

    return make


def dump(url: str) -> dict[str, list[str]]:
    """Return each row of each table of a database, as text."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        tables = sa.MetaData()
        tables.reflect(connection)
        found = {each.name: sorted(map(str, connection.execute(each.select()))) for each in tables.sorted_tables}
    engine.dispose()
    return found


def _texts(index: dict) -> dict[str, str]:
    """Return the options of an index, conditions as text."""
    return {name: str(value) for name, value in index.get("dialect_options", {}).items()}


def set_revision(url: str, revision: str) -> None:
    """Let the ledger name another revision."""
    database = Database(url)
    with database.write() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")  # noqa: S608
    database.close()


@pytest.mark.parametrize("name", LEDGERS)
def test_upgrade_of_a_ledger_of_0_1_0_keeps_every_record(old_url, old_files, name):
    """Alerts, transitions, notifications, decisions, labels and positions read as 0.1.0 read them."""
    with contextlib.closing(open_ledger(old_url(name))) as ledger:
        found = records_of(ledger)

    # Through JSON as the expected ones were: it knows no tuples and no enums.
    assert old_files.records(name) == json.loads(json.dumps(found))


def test_upgrade_gives_the_schema_of_a_new_ledger(old_url, new_url):
    """Tables, columns and indexes after an upgrade are those that the program makes itself."""
    for url in (old_url("incidents"), new_url):
        opened = Database(url)
        with opened.read() as connection:
            assert [] == compare_metadata(MigrationContext.configure(connection), schema.METADATA)
        opened.close()


def test_first_revision_is_the_schema_of_0_1_0(old_url, new_url):
    """A database made by revision 0001 equals one with the tables of 0.1.0."""
    engines = [sa.create_engine(url) for url in (old_url("incidents"), new_url)]
    with engines[1].begin() as connection:
        upgrade(connection, FIRST)

    def describe(engine: sa.Engine) -> dict[str, object]:
        """Return everything that the database says of its tables."""
        inspector = sa.inspect(engine)
        names = [name for name in inspector.get_table_names() if name != "alembic_version"]
        return {
            name: (
                [{**each, "type": str(each["type"])} for each in inspector.get_columns(name)],
                inspector.get_pk_constraint(name),
                sorted(inspector.get_unique_constraints(name), key=str),
                sorted(str({**each, "dialect_options": _texts(each)}) for each in inspector.get_indexes(name)),
            )
            for name in names
        }

    made, frozen = map(describe, engines)
    assert (20, made) == (len(made), frozen)
    for engine in engines:
        engine.dispose()


def test_newest_revision_is_the_one_that_the_program_names():
    """The last migration gives the schema of `schema.HEAD`."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "alerts/store/migrations"))

    assert schema.HEAD == ScriptDirectory.from_config(config).get_current_head()


def test_ledger_of_a_newer_program_is_rejected_with_a_remedy(new_url):
    """The message names the place, both revisions and the remedy; the ledger stays as it is."""
    Database(new_url).close()
    set_revision(new_url, "0099")
    before = dump(new_url)
    with pytest.raises(LedgerVersionError) as failure:
        open_ledger(new_url)

    shown = new_url.removeprefix("postgresql+psycopg") or new_url
    words = (shown, "revision 0002", "got 0099", "install the newer Lifeline", "restore the copy")
    assert [] == [each for each in words if each not in str(failure.value)]
    assert before == dump(new_url)


def test_ledger_without_revision_and_of_another_version_is_rejected(old_url):
    """A ledger without a revision is one of 0.1.0, or unknown to this program."""
    url = old_url("incidents")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE ledger_version SET version = 99")
    engine.dispose()
    with pytest.raises(LedgerVersionError, match="got of version"):
        open_ledger(url)


def test_upgraded_ledger_is_rejected_by_0_1_0(old_url):
    """0.1.0 reads its own number of the version and finds another one."""
    url = old_url("incidents")
    open_ledger(url).close()

    assert ["(2,)"] == dump(url)["ledger_version"]


def test_reader_upgrades_nothing(old_url):
    """A command that looks things up says that the program must be started; the ledger stays as it is."""
    url = old_url("incidents")
    before = dump(url)
    with pytest.raises(LedgerVersionError, match="expected a ledger of revision 0002, got 0001; start"):
        Database(url, is_reader=True)

    assert before == dump(url)


def test_two_programs_that_start_at_once_upgrade_once(old_url):
    """One of them upgrades; the other waits and finds the newest revision."""
    url = old_url("ledger")
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: Database(url), range(4)))

    assert ["", "", "", "0001"] == sorted(each.upgraded_from for each in opened)
    for each in opened:
        each.close()


def test_copy_of_an_sqlite_ledger_is_the_ledger_before(tmp_path, old_files):
    """The copy beside it holds the same rows, opens again, and says which revision it is of."""
    path = old_files.sqlite_ledger("incidents", tmp_path)
    before = dump(f"sqlite:///{path}")
    opened = Database(f"sqlite:///{path}")
    opened.close()

    assert tmp_path / "incidents.db.revision-0001" == opened.copy
    assert before == dump(f"sqlite:///{opened.copy}")
    assert {opened.copy.name, path.name} == {each.name for each in tmp_path.iterdir()}


def test_new_ledger_has_no_copy(tmp_path):
    """Where nothing was before, there is nothing to restore."""
    for _ in range(2):
        opened = Database(f"sqlite:///{tmp_path / 'l.db'}")
        opened.close()

    assert (None, "", ["l.db"]) == (opened.copy, opened.upgraded_from, [each.name for each in tmp_path.iterdir()])


def test_copy_without_room_leaves_the_ledger_as_it_was(tmp_path, old_files):
    """A copy that cannot be made prevents the upgrade, and says how much room it wants."""
    path = old_files.sqlite_ledger("incidents", tmp_path)
    (tmp_path / "incidents.db.revision-0001.part").mkdir()
    before = dump(f"sqlite:///{path}")
    with pytest.raises(LedgerVersionError, match="expected room for a copy before the upgrade"):
        Database(f"sqlite:///{path}")

    assert before == dump(f"sqlite:///{path}")


_KILLED = """
import os, signal, sys
from sqlalchemy import Engine, event
from alerts.ledger.sql_ledger import open_ledger
left = [int(sys.argv[2])]
def count(*_):
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)
event.listen(Engine, "before_cursor_execute", count)
event.listen(Engine, "commit", count)
open_ledger(sys.argv[1])
print(left[0])
"""


def kill_at(url: str, statement: int) -> subprocess.CompletedProcess:
    """Open a ledger in a process that kills itself (SIGKILL) before its `statement`-th statement or commit."""
    command = [sys.executable, "-c", _KILLED, url, str(statement)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 1.0])
def test_kill_in_the_middle_of_an_upgrade_leaves_the_old_ledger(old_url, old_files, share):
    """Whatever statement the process is killed at, each row of before is there; the next start upgrades."""
    whole = kill_at(old_url("incidents"), 10_000)
    # Opening ends with the cursor's row: a transaction of its own, some statements behind the upgrade.
    n_statements = 10_000 - int(whole.stdout) - 6
    url = old_url("incidents")
    before = dump(url)
    killed = kill_at(url, round(n_statements * share))

    assert (-9, before) == (killed.returncode, dump(url))
    with contextlib.closing(open_ledger(url)) as ledger:
        assert (FIRST, old_files.records("incidents")["alerts"]) == (
            ledger.database.upgraded_from,
            json.loads(json.dumps(records_of(ledger)["alerts"])),
        )


def test_alert_of_an_early_ledger_of_0_1_0_is_read(tmp_path, old_files):
    """A ledger from before there were reminders and standbys opens, and its alert asks for no turn."""
    path: Path = old_files.sqlite_ledger("incidents", tmp_path)
    [first, *_] = old_files.records("incidents")["alerts"]
    told = [[each["channel"], each["contact"], each["address"], each["language"], []] for each in first["told"]]
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for table in ("follow_ups", "endings", "incidents", "withheld", "awaited", "labels", "extents"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("UPDATE alerts SET told = ?", (json.dumps(told),))
    with contextlib.closing(open_ledger(f"sqlite:///{path}")) as ledger:
        earlier = ledger.alerts.find(first["id"])

    expected = [(each["contact"], False, first["peak"], "", False) for each in first["told"]]
    assert expected == [
        (each.contact, each.is_standby, each.level, each.informed_by_alert, each.is_ungrouped)
        for each in earlier.recipients
    ]
    assert NEVER_DUE_NS == due_ns(earlier, scenes.district())

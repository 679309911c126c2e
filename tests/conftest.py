"""Fixtures of real servers on loopback; each is stopped after its test, and its log is shown when the test fails."""

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from selenium import webdriver

from simulators.sms_gateway import SmsGateway
from tests.services.certificates import Certificates, make_certificates
from tests.services.chaos_proxy import ChaosProxy
from tests.services.chromium import Chromium
from tests.services.influxdb import InfluxDB
from tests.services.kannel import Kannel
from tests.services.mosquitto import Mosquitto, MosquittoOptions
from tests.services.old_files import OldFiles
from tests.services.postgresql import PostgreSQL
from tests.services.program import Program
from tests.services.victoria_metrics import VictoriaMetrics

# a slow moment of the machine is no failure of a law; on CI every run tries the same cases
settings.register_profile("lifeline", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True)
settings.load_profile("lifeline")


def pytest_collection_finish():
    """Set aside what was loaded: it stays to the end, and no collection of garbage need look at it again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Add the end of each server's log to the report of a failed test."""
    report = yield
    if report.failed:
        servers = {name: value for name, value in getattr(item, "funcargs", {}).items() if hasattr(value, "log_tail")}
        report.sections += [(f"log of {name}", server.log_tail()) for name, server in servers.items()]
    return report


@pytest.fixture
def make_mosquitto(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    """Return a function that starts a broker with the options of `MosquittoOptions`; all are stopped after the test."""
    started: list[Mosquitto] = []

    def make(**options) -> Mosquitto:
        """Return a broker that listens."""
        broker = Mosquitto(tmp_path / f"mosquitto{len(started)}", MosquittoOptions(**options))
        started.append(broker)
        broker.start()
        return broker

    yield make
    for broker in started:
        broker.stop()


@pytest.fixture
def mosquitto(make_mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    """Return a broker that takes anonymous clients and saves its store once a second."""
    return make_mosquitto()


@pytest.fixture
def sms_gateway() -> Iterator[SmsGateway]:
    """Return an SMS gateway that keeps an inbox and reports deliveries."""
    gateway = SmsGateway()
    gateway.start()
    yield gateway
    gateway.stop()


@pytest.fixture
def make_program(tmp_path: Path, mosquitto: Mosquitto, sms_gateway: SmsGateway) -> Iterator[Callable[..., Program]]:
    """Return a function that prepares the program with sections of its settings; all are killed after the test."""
    made: list[Program] = []

    def make(**sections: object) -> Program:
        """Return a program that does not run yet."""
        folder = tmp_path / f"program{len(made)}"
        made.append(Program(folder, mosquitto.port, sms_url=sms_gateway.send_url, **sections))
        return made[-1]

    yield make
    for program in made:
        program.kill()


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """Return a throw-away authority with a server and a client certificate."""
    return make_certificates(tmp_path / "certificates")


@pytest.fixture
def influxdb(tmp_path: Path) -> Iterator[InfluxDB]:
    """Return an empty InfluxDB 1.x database."""
    server = InfluxDB(tmp_path / "influxdb")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def chaos_proxy() -> Iterator[Callable[[int], ChaosProxy]]:
    """Return a function that puts a proxy before a loopback port; all are closed after the test."""
    proxies: list[ChaosProxy] = []

    def make(target_port: int) -> ChaosProxy:
        """Return a proxy that listens."""
        proxies.append(ChaosProxy(target_port))
        return proxies[-1]

    yield make
    for proxy in proxies:
        proxy.close()


@pytest.fixture
def victoria_metrics(tmp_path: Path) -> Iterator[VictoriaMetrics]:
    """Return an empty VictoriaMetrics."""
    server = VictoriaMetrics(tmp_path / "victoria_metrics")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def kannel(tmp_path: Path) -> Iterator[Kannel]:
    """Return an SMS gateway in front of a message centre that records."""
    server = Kannel(tmp_path / "kannel")
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """Return the PostgreSQL server of the whole run."""
    server = PostgreSQL()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def postgres_url(postgresql: PostgreSQL) -> str:
    """Return the SQLAlchemy URL of a fresh database."""
    return postgresql.fresh_url()


@pytest.fixture(scope="session")
def old_files(tmp_path_factory: pytest.TempPathFactory) -> OldFiles:
    """Return the files of Lifeline 0.1.0."""
    return OldFiles(tmp_path_factory.mktemp("files_of_0_1_0"))


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[webdriver.Remote]:
    """Return the selenium driver of a fresh browser."""
    browser = Chromium(tmp_path / "chromium")
    yield browser.driver
    browser.close()

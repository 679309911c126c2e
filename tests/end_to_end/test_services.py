"""Each real server of the tests starts, works, survives the faults of the tests, and stops."""

import http.server
import queue
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import paho.mqtt.client as mqtt
import pytest
import sqlalchemy

from tests.services.process import find_programs
from tests.sources import ROOT

pytestmark = pytest.mark.end_to_end


def test_find_programs_on_ci_fails_for_a_missing_one(monkeypatch):
    """Where CI is set, a missing service is a failure."""
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match="no-such-server is not installed"):
        find_programs("no-such-server")


def test_find_programs_elsewhere_skips_for_a_missing_one(monkeypatch):
    """On a laptop, a missing service skips the test with the reason."""
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match="no-such-server is not installed"):
        find_programs("no-such-server")


START_AND_WAIT = """
import pathlib, sys, time
from tests.services.mosquitto import Mosquitto
broker = Mosquitto(pathlib.Path(sys.argv[1]))
broker.start()
print(broker.process.pid, flush=True)
time.sleep(60)
"""


def test_server_of_killed_tests_dies_with_them(tmp_path):
    """When the tests are killed with -9, no server stays behind."""
    find_programs("setpriv", "mosquitto")
    command = [sys.executable, "-c", START_AND_WAIT, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as tests:
        server = int(tests.stdout.readline())
        assert _is_running(server)
        tests.kill()
    deadline = time.monotonic() + 10
    while _is_running(server) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert not _is_running(server)


def _is_running(pid: int) -> bool:
    """Tell whether a process exists and is not only waiting to be reaped."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"


def _client(**options) -> mqtt.Client:
    """Return a paho client with a persistent session."""
    return mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2, client_id="test", clean_session=False, protocol=mqtt.MQTTv311, **options
    )


def _publish(client: mqtt.Client, broker) -> bool:
    """Connect, publish one QoS 1 message and tell whether it was acknowledged."""
    client.connect(broker.host, broker.port)
    client.loop_start()
    sent = client.publish("t", b"x", qos=1)
    sent.wait_for_publish(5)
    client.disconnect()
    client.loop_stop()
    return sent.is_published()


def test_mosquitto_restarted_keeps_port_and_session(mosquitto):
    """A persistent session outlives a restart of the broker."""
    assert _publish(_client(), mosquitto)
    mosquitto.restart()
    client, sessions = _client(), []
    client.on_connect = lambda _client, _userdata, flags, _reason, _properties: sessions.append(flags.session_present)

    assert _publish(client, mosquitto)
    assert [True] == sessions


def test_mosquitto_killed_refuses_until_started(mosquitto):
    """A killed broker refuses connections and a started one takes them."""
    mosquitto.kill()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((mosquitto.host, mosquitto.port), timeout=1)
    mosquitto.start()

    assert _publish(_client(), mosquitto)


def test_mosquitto_with_passwords_refuses_anonymous(make_mosquitto):
    """A broker with passwords lets only the right password in."""
    broker = make_mosquitto(passwords=(("device", "secret"),))
    client = _client()
    client.username_pw_set("device", "secret")
    refused = []
    stranger = _client()
    stranger.on_connect = lambda _client, _userdata, _flags, reason, _properties: refused.append(reason.is_failure)
    stranger.connect(broker.host, broker.port)
    while not refused:
        stranger.loop(0.1)

    assert _publish(client, broker)
    assert [True] == refused


def test_mosquitto_with_client_certificates_takes_the_signed_client(make_mosquitto, certificates):
    """A TLS broker that asks for certificates accepts the client of its authority and no other."""
    broker = make_mosquitto(certificates=certificates, client_certificate=True)
    client = _client()
    client.tls_set(str(certificates.ca_file), str(certificates.client_cert), str(certificates.client_key))
    context = ssl.create_default_context(cafile=str(certificates.ca_file))

    assert _publish(client, broker)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        _talk_tls(context, broker)


def _talk_tls(context: ssl.SSLContext, broker) -> None:
    """Open TLS without a client certificate and wait for the broker's answer."""
    with (
        socket.create_connection((broker.host, broker.port), timeout=5) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as tls,
    ):
        tls.sendall(b"\x10\x00")
        if not tls.recv(1):
            raise ConnectionResetError("closed by the broker")


def test_influxdb_restarted_keeps_points(influxdb):
    """Points are there after a restart, and rows carry tags and nanosecond times."""
    influxdb.write("methane,sensor=GM-1 value=1.5 1700000000000000001")
    influxdb.restart()

    expected = [{"measurement": "methane", "time": 1700000000000000001, "sensor": "GM-1", "value": 1.5}]
    assert expected == influxdb.query('SELECT "sensor", "value" FROM "methane"')
    assert influxdb.count() == influxdb.count("methane") == 1


def test_influxdb_paused_answers_after_resume(influxdb):
    """A paused server answers nothing and goes on when it is resumed."""
    influxdb.pause()
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{influxdb.url}/ping", timeout=0.3)
    influxdb.resume()

    assert httpx.get(f"{influxdb.url}/ping", timeout=5).status_code == 204


def test_victoria_metrics_after_v2_write_counts_points(victoria_metrics):
    """Line protocol to `/api/v2/write` is found again, point by point."""
    lines = "".join(f"methane,sensor=GM-1 value={i} {1_700_000_000_000_000_000 + i * 10**9}\n" for i in range(10))
    httpx.post(f"{victoria_metrics.url}/api/v2/write", content=lines.encode()).raise_for_status()

    assert 10 == victoria_metrics.count()
    [row] = victoria_metrics.query("methane_value", time_s=1_700_000_009)
    assert "9" == row["value"][1]


@pytest.fixture
def reports():
    """Return the address of a server and the list of paths that it was asked for."""
    paths = queue.Queue()

    class Report(http.server.BaseHTTPRequestHandler):
        """One delivery report."""

        def do_GET(self):
            """Keep the path."""
            paths.put(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            """Keep quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Report) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", paths
        server.shutdown()
        thread.join()


def _send(kannel, text: str, report_url: str) -> httpx.Response:
    """Hand one Chinese message to the gateway."""
    parameters = {
        "username": kannel.username,
        "password": kannel.password,
        "to": "+8613800000001",
        "from": "119",
        "text": text,
        "charset": "UTF-8",
        "coding": "2",
        "dlr-mask": "31",
        "dlr-url": f"{report_url}/receipt?status=%d",
    }
    return httpx.get(kannel.send_url, params=parameters, timeout=10)


def test_kannel_with_long_chinese_message_delivers_it_whole(kannel, reports):
    """A message of three segments arrives as it was written, and both reports come back."""
    url, paths = reports
    text = "翡翠苑1号楼消防水压0.00 MPa，较大风险。" * 7
    answer = _send(kannel, text, url)

    assert (202, "0: Accepted for delivery") == (answer.status_code, answer.text)
    assert "/receipt?status=8" == paths.get(timeout=10)
    [message] = kannel.received
    assert ("+8613800000001", text, 3) == (message.to, message.text, message.segments)
    kannel.report(message, 1)
    assert "/receipt?status=1" == paths.get(timeout=10)


def test_kannel_refused_by_the_message_centre_reports_it(kannel, reports):
    """A refusal of the message centre comes back as report 16 and nothing is received."""
    url, paths = reports
    kannel.answer = (403, "Forbidden")
    _send(kannel, "no", url)

    assert "/receipt?status=16" == paths.get(timeout=10)
    assert [] == kannel.received


@pytest.mark.parametrize("row", [1, 2])
def test_postgres_url_each_test_sees_an_empty_database(postgres_url, row):
    """Two tests make the same table without seeing each other."""
    engine = sqlalchemy.create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE t (x int)"))
        connection.execute(sqlalchemy.text("INSERT INTO t VALUES (:row)"), {"row": row})
        assert [(row,)] == connection.execute(sqlalchemy.text("SELECT x FROM t")).all()
    engine.dispose()


def test_chromium_opens_a_page(chromium):
    """The browser shows Chinese text."""
    chromium.get("data:text/html;charset=utf-8,<h1>较大风险</h1>")

    assert "较大风险" == chromium.find_element("tag name", "h1").text


@pytest.fixture
def echo():
    """Return the port of an echo server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield _serve_echo(listener)


def _serve_echo(listener: socket.socket) -> int:
    """Answer connections of `listener` in threads of their own until it closes."""

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                while chunk := connection.recv(65536):
                    connection.sendall(chunk)
            except OSError:
                return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


def _receive(client: socket.socket, n_bytes: int) -> bytes:
    """Return exactly `n_bytes` from the connection."""
    received = b""
    while len(received) < n_bytes:
        received += client.recv(n_bytes - len(received))
    return received


def _connect(proxy) -> socket.socket:
    """Open a connection to the proxy."""
    return socket.create_connection((proxy.host, proxy.port), timeout=5)


def test_chaos_proxy_without_faults_passes_bytes(chaos_proxy, echo):
    """Bytes pass both ways, and the end of one side reaches the other."""
    with _connect(chaos_proxy(echo)) as client:
        client.sendall(b"hello")
        assert client.recv(5) == b"hello"
        client.shutdown(socket.SHUT_WR)
        assert client.recv(5) == b""


def test_chaos_proxy_cut_resets_and_takes_new_connections(chaos_proxy, echo):
    """A cut resets open connections; the next connection works."""
    proxy = chaos_proxy(echo)
    with _connect(proxy) as client:
        client.sendall(b"x")
        client.recv(1)
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    with _connect(proxy) as client:
        client.sendall(b"y")
        assert client.recv(1) == b"y"


def test_chaos_proxy_refusing_refuses_until_resume(chaos_proxy, echo):
    """While it refuses, the port is closed; after resume it is open."""
    proxy = chaos_proxy(echo)
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        _connect(proxy)
    proxy.resume()
    with _connect(proxy) as client:
        client.sendall(b"y")
        assert client.recv(1) == b"y"


def test_chaos_proxy_drop_after_bytes_cuts_once(chaos_proxy, echo):
    """The connection breaks after the given number of bytes, and only that one."""
    proxy = chaos_proxy(echo)
    proxy.drop_after_bytes = 10
    with _connect(proxy) as client:
        client.sendall(b"x" * 100)
        with pytest.raises(ConnectionResetError):
            _receive(client, 100)
    with _connect(proxy) as client:
        client.sendall(b"x" * 100)
        assert b"x" * 100 == _receive(client, 100)


def test_chaos_proxy_stalled_passes_nothing_until_resume(chaos_proxy, echo):
    """A stalled link stays open and silent, then delivers the sent bytes."""
    proxy = chaos_proxy(echo)
    with _connect(proxy) as client:
        proxy.stall()
        client.settimeout(0.2)
        client.sendall(b"late")
        with pytest.raises(TimeoutError):
            client.recv(4)
        proxy.resume()
        client.settimeout(5)
        assert client.recv(4) == b"late"


def test_chaos_proxy_with_delay_and_dropped_replies_behaves_so(chaos_proxy, echo):
    """A delay holds each direction back; dropped replies never come."""
    proxy = chaos_proxy(echo)
    with _connect(proxy) as client:
        proxy.delay_s = 0.1
        before = time.monotonic()
        client.sendall(b"x")
        client.recv(1)
        assert time.monotonic() - before >= 0.2
        proxy.drop_replies = True
        client.settimeout(0.5)
        client.sendall(b"x")
        with pytest.raises(TimeoutError):
            client.recv(1)

"""From publish to webhook: how long a red reading takes through the whole program while 5,000 messages a second flow.

Each red reading makes three SMS and one webhook call; publisher and receiver run in this process, broker and program in
two others, all on the same cores.
"""

import http.server
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.figures import Figure
from benchmarks.program import write_settings
from benchmarks.town import make_register
from config.register import Register, Sensor
from config.time_units import SECOND_NS
from simulators.bulk import bulk_messages
from simulators.load import send_load
from simulators.publisher import Publisher
from simulators.sms_gateway import SmsGateway
from tests.services.mosquitto import Mosquitto

_RATE = 5000.0
_N_ALARMS = 200
_PERIOD_S = 0.1
_BACK_NS = 300 * SECOND_NS
"""No time of the background is in the future, and none is too old to be judged while this runs."""
_SETTLE_S = 3.0
_N_SENSORS = 1000
_N_BACKGROUND = _N_SENSORS - _N_ALARMS


class _Receiver(http.server.ThreadingHTTPServer):
    """Notes when the first call about each sensor arrives."""

    daemon_threads = True

    def __init__(self) -> None:
        self.arrived: dict[str, float] = {}
        super().__init__(("127.0.0.1", 0), _Call)

    @property
    def url(self) -> str:
        """Where to post."""
        return f"http://127.0.0.1:{self.server_address[1]}/"


class _Call(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take one call."""
        arrived_s = time.monotonic()
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.arrived.setdefault(body["data"]["sensor"], arrived_s)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


def measure() -> Iterator[Figure]:
    """Yield median, 99th percentile and largest delay."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker, receiver, sms = Mosquitto(folder / "mosquitto"), _Receiver(), SmsGateway(delivery_reports=False)
        broker.start()
        sms.start()
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        settings = write_settings(
            folder, broker.port, _N_SENSORS, f"http://127.0.0.1:{sms.port}/cgi-bin/sendsms", receiver.url
        )
        command = [sys.executable, "-m", "benchmarks.program", str(settings), "0"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
            program.stdout.readline()
            time.sleep(_SETTLE_S)
            sent = _alarms_under_load(broker.port)
            program.communicate(timeout=60)
        sms.stop()
        receiver.shutdown()
        broker.kill()
    delays_ms = [
        1000 * (receiver.arrived[sensor] - sent_s) for sensor, sent_s in sent.items() if sensor in receiver.arrived
    ]
    yield Figure("latency.webhooks_missing", len(sent) - len(delays_ms), "count", "0")
    yield Figure("latency.publish_to_webhook_p50", float(np.percentile(delays_ms, 50)), "ms")
    yield Figure("latency.publish_to_webhook_p99", float(np.percentile(delays_ms, 99)), "ms", "<= 250")
    yield Figure("latency.publish_to_webhook_max", max(delays_ms), "ms")


def _alarms_under_load(port: int) -> dict[str, float]:
    """Return when the red reading of each sensor was published, while the background load runs."""
    register = make_register(_N_SENSORS)
    background = Register({}, register.assets, register.sensors[:_N_BACKGROUND], {}, ())
    n_messages = int(_RATE * (_N_ALARMS * _PERIOD_S + 2 * _SETTLE_S))
    messages = bulk_messages(background, n_messages, 1, time.time_ns() - _BACK_NS)
    load = threading.Thread(
        target=send_load, args=("127.0.0.1", port, messages), kwargs={"messages_per_s": _RATE}, daemon=True
    )
    load.start()
    time.sleep(_SETTLE_S)
    publisher = Publisher("127.0.0.1", port, client_id="alarms")
    publisher.start()
    sent = {}
    for sensor in register.sensors[_N_BACKGROUND:]:
        sent[sensor.id] = time.monotonic()
        publisher.publish(*_red(register, sensor))
        time.sleep(_PERIOD_S)
    load.join(60)
    publisher.stop()
    return sent


def _red(register: Register, sensor: Sensor) -> tuple[str, bytes]:
    domain = register.assets[sensor.asset].domain
    payload = {"v": 1, "ts": time.time_ns() // 1_000_000, "m": {sensor.channel: 0.01}}
    return f"lifeline/v1/{domain}/{sensor.asset}/{sensor.device}/up", json.dumps(payload).encode()

# ruff: noqa: INP001  # a program of its own, no package
"""A device that loses no reading: it keeps each message on disk until the broker has answered PUBACK with success.

    python docs/examples/durable_device.py --host 127.0.0.1 --asset T-0001 --device FT-0001 --channel pressure_kpa

It may be killed at any moment and its network cut at any byte: what is on disk is sent again, with the same number and
the same time. Nothing here is Lifeline's; MQTT and SQLite are all that a device needs.
"""

import argparse
import json
import math
import random
import sqlite3
import sys
import time
import uuid
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

FIRMWARE = "example-1.0"
WINDOW = 20
"""Messages without PUBACK at a time: what brokers grant a client that asks for nothing."""
KEEPALIVE_S = 30
FIRST_RETRY_S, LAST_RETRY_S = 0.5, 60.0


class Store:
    """Messages that no broker has answered for, on disk; what is committed survives a cut of the power."""

    def __init__(self, path: Path) -> None:
        """Open or make the file. `boot` names the run of the counter: a new file counts anew, and says so."""
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        # AUTOINCREMENT: a number is never given twice, also when all messages are gone
        self._db.execute("CREATE TABLE IF NOT EXISTS messages(seq INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT)")
        self._db.execute("CREATE TABLE IF NOT EXISTS counter(boot TEXT)")
        self._db.execute(
            "INSERT INTO counter SELECT ? WHERE NOT EXISTS (SELECT 1 FROM counter)", (uuid.uuid4().hex[:8],)
        )
        self.boot = self._db.execute("SELECT boot FROM counter").fetchone()[0]

    def add(self, body: str) -> None:
        """Keep one reading; on return it is on disk."""
        self._db.execute("INSERT INTO messages(body) VALUES (?)", (body,))

    def after(self, seq: int, limit: int) -> list[tuple[int, str]]:
        """Return the oldest messages behind `seq`."""
        query = "SELECT seq, body FROM messages WHERE seq > ? ORDER BY seq LIMIT ?"
        return self._db.execute(query, (seq, limit)).fetchall()

    def done(self, seq: int) -> None:
        """Forget what the broker has."""
        self._db.execute("DELETE FROM messages WHERE seq = ?", (seq,))

    def measured(self) -> int:
        """Return the number of the newest message ever kept."""
        return (self._db.execute("SELECT seq FROM sqlite_sequence").fetchone() or (0,))[0]


class Device:
    """Measures on time whatever the network does, and sends what is kept whenever it can."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Open the store; nothing is connected yet."""
        self.options, self.store = options, Store(options.store)
        self.topic = f"lifeline/v1/{options.domain}/{options.asset}/{options.device}"
        self.client: mqtt.Client | None = None
        self.under_way: dict[int, int] = {}
        """Packet id to number of message."""
        self.sent = 0
        self.retry_s, self.retry_at_s = FIRST_RETRY_S, 0.0
        self.due_s = time.monotonic()
        self.measured_ms = 0

    def run(self) -> None:
        """Measure and send; with --readings until that many are acknowledged."""
        while not self.is_finished():
            self.measure()
            if self.client is not None:
                self.send(self.client)
            if self.client is not None:
                if self.client.loop(0.01) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                    self.lose("connection lost")
            elif time.monotonic() >= self.retry_at_s:
                self.connect()
            else:
                time.sleep(0.01)
        if self.client is not None:
            self.client.disconnect()

    def is_finished(self) -> bool:
        """Return whether as many readings as wanted are measured and acknowledged."""
        wanted = self.options.readings
        return bool(wanted) and self.store.measured() >= wanted and not self.store.after(0, 1)

    def measure(self) -> None:
        """Take a reading when one is due; it is on disk before anything else is done with it."""
        wanted = self.options.readings
        if time.monotonic() < self.due_s or (wanted and self.store.measured() >= wanted):
            return
        now_ms = time.time_ns() // 1_000_000
        if now_ms == self.measured_ms:
            return  # two readings of one time are one
        self.measured_ms, self.due_s = now_ms, self.due_s + self.options.interval
        value = 400.0 + 5.0 * math.sin(now_ms / 60_000)
        self.store.add(json.dumps({"ts": now_ms, "m": {self.options.channel: round(value, 3)}}))

    def connect(self) -> None:
        """Open a connection; a fresh client each time, because the store knows what is owed and no client does."""
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=self.options.device, protocol=MQTTProtocolVersion.MQTTv5
        )
        client.will_set(f"{self.topic}/status", json.dumps({"online": False}), qos=1, retain=True)
        client.on_connect, client.on_publish, client.on_disconnect = self.connected, self.answered, self.disconnected
        if self.options.username:
            client.username_pw_set(self.options.username, self.options.password_file.read_text().strip())
        if self.options.ca_file:
            client.tls_set(str(self.options.ca_file))
        self.client, self.under_way, self.sent, self.accepted = client, {}, 0, False
        try:
            client.connect(self.options.host, self.options.port, KEEPALIVE_S)
        except OSError as error:
            self.lose(str(error))

    def connected(self, client: mqtt.Client, _userdata: object, _flags: object, reason: object, _more: object) -> None:
        """Say that we are there, and what we run; readings may follow."""
        if reason.is_failure:
            self.lose(f"refused: {reason}")
            return
        self.accepted, self.retry_s = True, FIRST_RETRY_S
        status = json.dumps({"online": True, "firmware": FIRMWARE})
        client.publish(f"{self.topic}/status", status, qos=1, retain=True)

    def send(self, client: mqtt.Client) -> None:
        """Publish the oldest messages, as many as fit into the window, in their order."""
        if not self.accepted:
            return
        for seq, body in self.store.after(self.sent, WINDOW - len(self.under_way)):
            message = {"v": 1, "boot": self.store.boot, "seq": seq, **json.loads(body)}
            handed = client.publish(f"{self.topic}/up", json.dumps(message), qos=1)
            if self.client is not client:
                return  # lost while sending
            self.under_way[handed.mid] = seq
            self.sent = seq

    def answered(self, _client: mqtt.Client, _userdata: object, mid: int, reason: object, _more: object) -> None:
        """Forget a message only if the broker says that it is delivered; anything else is tried again later."""
        seq = self.under_way.pop(mid, None)
        if seq is None:
            return
        if str(reason) == "Success":
            self.store.done(seq)
        else:
            # not authorized, quota, or nobody subscribed: the message stays, a person must look
            self.lose(f"message {seq} not taken: {reason}")

    def disconnected(
        self, _client: mqtt.Client, _userdata: object, _flags: object, reason: object, _more: object
    ) -> None:
        """Try again later."""
        self.lose(f"disconnected: {reason}")

    def lose(self, why: str) -> None:
        """Drop the connection and wait, longer each time, and never as long as all the others."""
        client, self.client = self.client, None
        if client is None:
            return
        client.on_disconnect = None
        client.disconnect()
        wait_s = self.retry_s * random.uniform(0.5, 1.5)  # noqa: S311  # spreads, hides nothing
        self.retry_at_s = time.monotonic() + wait_s
        self.retry_s = min(LAST_RETRY_S, 2 * self.retry_s)
        sys.stderr.write(f"{why}; again in {wait_s:.1f} s, {len(self.store.after(0, 1000))} kept\n")


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description="A device that loses no reading.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--domain", default="fire")
    parser.add_argument("--asset", required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--channel", required=True)
    parser.add_argument("--store", type=Path, default=Path("device.db"))
    parser.add_argument("--interval", type=float, default=2.0, help="seconds between readings")
    parser.add_argument("--readings", type=int, default=0, help="stop after so many; 0: never")
    parser.add_argument("--username")
    parser.add_argument("--password-file", type=Path)
    parser.add_argument("--ca-file", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    Device(arguments()).run()

"""I/O: dead letters back to the broker, each with the broker's answer.

Input: dead letters, the address of the broker, an account.
Output: publications at QoS 1 over MQTT 5; over MQTT 3.1.1 a broker acknowledges dropped messages, too.
Not responsible for: deleting dead letters.
Rejects: cut letters and letters without a topic; they are counted as kept back.
"""

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from collector.dead_letter import DeadLetter
from config.settings import MqttSettings
from lifeline.reports.dead_letter_lines import is_republishable
from lifeline.start_error import StartError

_WAIT_S = 30.0
"""Longest wait for the connection, and for one acknowledgement more; assumed."""
_WINDOW = 100
"""Messages on their way; assumed, so that a broker's queue never fills."""
_NOBODY = "No matching subscribers"


@dataclass(frozen=True, slots=True)
class BrokerAccount:
    """Who publishes; None for the collector's own account of the settings."""

    username: str | None = None
    password: str | None = None


@dataclass(frozen=True, slots=True)
class RepublishResult:
    """The result for all letters."""

    sent: int
    kept_back: int
    """Cut, or not from a topic."""
    refused: Counter[str]
    """The broker's words on those that it did not take."""


class _Publisher:
    """One connection; its callbacks run in the client's own thread and only record the answers of the broker."""

    def __init__(self, mqtt: MqttSettings, account: BrokerAccount) -> None:
        self.said: Counter[str] = Counter()
        self.trouble = "no answer"
        self._accepted = threading.Event()
        self._room = threading.Semaphore(_WINDOW)
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=f"{mqtt.client_id}-retry", protocol=MQTTProtocolVersion.MQTTv5
        )
        own = mqtt.password.get_secret_value() if mqtt.password else None
        if account.username or mqtt.username:
            client.username_pw_set(account.username or mqtt.username, account.password if account.username else own)
        if mqtt.tls is not None:
            files = (mqtt.tls.ca_file, mqtt.tls.cert_file, mqtt.tls.key_file)
            ca_file, cert_file, key_file = (str(path) if path else None for path in files)
            client.tls_set(ca_certs=ca_file, certfile=cert_file, keyfile=key_file)
        client.on_connect, client.on_publish = self._on_connect, self._on_publish
        client.max_inflight_messages_set(_WINDOW + 1)
        self._client, self._address = client, (mqtt.host, mqtt.port)

    def open(self) -> None:
        """Return once the broker has accepted the account.

        Raises:
            StartError: it has not.
        """
        host, port = self._address
        try:
            self._client.connect(host, port)
        except OSError as error:
            raise StartError(f"mqtt {host}:{port}: expected a connection, got {error}") from error
        self._client.loop_start()
        if not self._accepted.wait(_WAIT_S) or self.trouble:
            self.close()
            raise StartError(f"mqtt {host}:{port}: expected the broker to accept the account, got {self.trouble}")

    def publish(self, letter: DeadLetter) -> None:
        """Send one message, waiting while too many have no answer; raises StartError when none comes."""
        self._acquire()
        self._client.publish(letter.topic, letter.payload, qos=1)

    def drain(self) -> None:
        """Return once every message has its answer; raises StartError when one does not come."""
        for _ in range(_WINDOW):
            self._acquire()

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def _acquire(self) -> None:
        if not self._room.acquire(timeout=_WAIT_S):
            raise StartError(f"mqtt: expected an acknowledgement within {_WAIT_S:g} s, got none; nothing is lost")

    def _on_connect(
        self, _client: paho.Client, _userdata: object, _flags: paho.ConnectFlags, reason: ReasonCode, _more: object
    ) -> None:
        self.trouble = str(reason) if reason.is_failure else ""
        self._accepted.set()

    def _on_publish(
        self, _client: paho.Client, _userdata: object, _mid: int, reason: ReasonCode, _properties: Properties
    ) -> None:
        self.said[str(reason)] += 1
        self._room.release()


def republish(
    letters: Sequence[DeadLetter], mqtt: MqttSettings, account: BrokerAccount | None = None
) -> RepublishResult:
    """Publish `letters`, given newest first, in the order of their arrival.

    Raises:
        StartError: the broker cannot be reached, or stops answering; publishing again is harmless.
    """
    whole = [letter for letter in reversed(letters) if is_republishable(letter)]
    if not whole:
        return RepublishResult(0, len(letters), Counter())
    post = _Publisher(mqtt, account or BrokerAccount())
    post.open()
    try:
        for letter in whole:
            post.publish(letter)
        post.drain()
    finally:
        post.close()
    sent = post.said.pop("Success", 0)
    return RepublishResult(sent, len(letters) - len(whole), post.said)


def describe_result(result: RepublishResult) -> str:
    """Return the result as text, with the remedy where the broker rejected some letters."""
    text = f"published {result.sent} again, kept back {result.kept_back} (cut or not from a topic)"
    if not result.refused:
        return text
    refused = ", ".join(f"{count} x {reason}" for reason, count in sorted(result.refused.items()))
    remedy = (
        "start the collector first"
        if set(result.refused) == {_NOBODY}
        else "use an account that may write there: --username and --password-file"
    )
    return f"{text}; the broker did not take {refused}: {remedy}"

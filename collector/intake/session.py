"""I/O: what the broker tells us on one connection, taken down by paho's callbacks.

Comes in: paho's callbacks. Goes out: received messages in an inbox, and the state of the session. Refuses to decode, to
acknowledge and to raise: an exception in a callback would end the reading of the connection.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import structlog
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from collector.decoding.pipeline import RawMessage
from collector.intake.group_commit import Received


class MqttSession:
    """State of one connection, filled by callbacks.

    Attributes:
        accepted: the broker said yes to CONNECT.
        present: the broker still had our session, with all that it kept for us.
        ended: why the connection is gone, empty while it is not.
        inbox: where received messages go, in order.
        canary_back: the canary came back since this was last set to False.
    """

    def __init__(
        self,
        epoch: int,
        filters: Sequence[str],
        canary_topic: str,
        inbox: list[Received],
        counts: Counter[tuple[str, str]],
        *,
        max_payload_bytes: int,
    ) -> None:
        self.epoch = epoch
        self.accepted = False
        self.present = False
        self.ended = ""
        self.canary_back = False
        self._filters = [*filters, canary_topic]
        self._canary_topic = canary_topic
        self.inbox = inbox
        self._counts = counts
        self._kept_bytes = max_payload_bytes + 1
        self._log = structlog.get_logger(epoch=epoch)

    def attach(self, client: Client) -> None:
        """Let `client` call us."""
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect

    def _on_connect(
        self, client: Client, _: Any, flags: ConnectFlags, reason: ReasonCode, __: Properties | None
    ) -> None:
        if reason.is_failure:
            self.ended = f"the broker refused the connection: {reason}"
            return
        self.accepted = True
        self.present = flags.session_present
        # also when the session is still there: our filters may have changed since
        client.subscribe([(each, 1) for each in self._filters])

    def _on_subscribe(self, _: Client, __: Any, ___: int, reasons: list[ReasonCode], ____: Properties | None) -> None:
        for topic_filter, reason in zip(self._filters, reasons, strict=False):
            if reason.value == 1:
                continue
            self._counts["subscriptions_refused", ""] += 1
            remedy = "let the broker's access list grant this client QoS 1 on the filter"
            self._log.error(
                "subscription_refused", filter=topic_filter, expected="QoS 1", got=str(reason), remedy=remedy
            )
            if reason.value == 2:
                self.ended = f"QoS 2 granted on {topic_filter}: with it messages are lost when a collector restarts"

    def _on_message(self, _: Client, __: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError as error:
            topic = error.object.decode(errors="surrogateescape")
        if topic == self._canary_topic:
            self.canary_back = True
            raw = None
        else:
            # one byte more than allowed tells the pipeline enough; 500 payloads of 50 MB would not fit into memory
            raw = RawMessage(topic, bytes(message.payload[: self._kept_bytes]), message.retain)
        self.inbox.append(Received(raw, message.mid, message.qos, self.epoch))

    def _on_disconnect(
        self, _: Client, __: Any, ___: DisconnectFlags, reason: ReasonCode, ____: Properties | None
    ) -> None:
        self.ended = self.ended or f"connection lost: {reason}"

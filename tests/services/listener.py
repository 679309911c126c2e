"""I/O: an MQTT client with a persistent session that records its messages and acknowledges by itself."""

import threading

import paho.mqtt.client as mqtt


class Listener:
    """A subscriber; `payloads` grows as messages come."""

    def __init__(self, port: int, topic: str = "#", client_id: str = "listener") -> None:
        """Subscribe to `topic` at QoS 1 and return when the broker has confirmed it."""
        self.messages: list[mqtt.MQTTMessage] = []
        self.session_present = False
        self._changed = threading.Condition()
        self._subscribed = threading.Event()
        self._topic = topic
        version = mqtt.CallbackAPIVersion.VERSION2
        self._client = mqtt.Client(version, client_id=client_id, clean_session=False, manual_ack=True)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(10), "the broker did not confirm the subscription"

    @property
    def payloads(self) -> list[bytes]:
        """The messages so far, in order."""
        with self._changed:
            return [message.payload for message in self.messages]

    def wait_for(self, count: int, timeout_s: float = 30.0) -> list[bytes]:
        """Return the payloads once there are `count` different ones, or all after `timeout_s`."""
        with self._changed:
            self._changed.wait_for(lambda: len({message.payload for message in self.messages}) >= count, timeout_s)
        return self.payloads

    def close(self) -> None:
        """Disconnect; the broker keeps the session."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client, _userdata, flags, _reason, _properties) -> None:
        self.session_present = flags.session_present
        client.subscribe(self._topic, qos=1)

    def _on_message(self, client, _userdata, message) -> None:
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()
        client.ack(message.mid, message.qos)

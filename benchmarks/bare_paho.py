"""The floor: a child that receives with paho, acknowledges automatically and does no work at all.

usage: python -m benchmarks.bare_paho HOST PORT CLIENT_ID N      prints the seconds from the first message to the Nth
"""

import sys
import time

import paho.mqtt.client as paho


def main() -> None:
    """Take N messages out of the persistent session CLIENT_ID and print how long it took."""
    host = sys.argv[1]
    port = int(sys.argv[2])
    client_id = sys.argv[3]
    n_expected = int(sys.argv[4])
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False)
    received = 0
    first_s = 0.0

    def on_message(_client: paho.Client, _userdata: object, _message: paho.MQTTMessage) -> None:
        nonlocal received, first_s
        received += 1
        if received == 1:
            first_s = time.monotonic()
        elif received == n_expected:
            print(time.monotonic() - first_s, flush=True)
            client.disconnect()

    client.on_message = on_message
    client.connect(host, port)
    client.loop_forever()


if __name__ == "__main__":
    main()

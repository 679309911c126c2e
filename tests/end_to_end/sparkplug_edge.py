"""I/O: a Sparkplug B edge node that is not ours (pysparkplug), as a process that obeys one command a line.

usage: sparkplug_edge.py PORT. Commands: `named V`, `by_alias V`, `skip` (lose a message), `part` (the device leaves),
`join` (it comes back). Each is answered by `done`; a rebirth that was asked for by `reborn`. A kill leaves the will.
"""

import sys

from pysparkplug import (
    Client,
    DataType,
    DBirth,
    DData,
    Device,
    EdgeNode,
    Message,
    MessageType,
    Metric,
    NBirth,
    QoS,
    Topic,
    get_current_timestamp,
)

GROUP, EDGE, DEVICE = "Plant A", "Edge 1", "Pump 1"
ALIAS = 7


def say(word):
    """Tell the test."""
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


def pressure(value, *, name="Water/Pressure"):
    """Return the one metric of the device."""
    return Metric(get_current_timestamp(), name, DataType.FLOAT, value=value, alias=ALIAS)


def send(edge, kind, payload, device=None):
    """Publish with the library's own encoder."""
    topic = Topic(message_type=kind, group_id=GROUP, edge_node_id=EDGE, device_id=device)
    # the birth carries data types, as the specification wants
    births = kind in (MessageType.NBIRTH, MessageType.DBIRTH)
    edge._client.publish(Message(topic, payload, QoS.AT_MOST_ONCE, retain=False), include_dtypes=births)


def be_reborn(edge, message):
    """Repeat all births under the number of this connection, when the host asks for it."""
    [command] = message.payload.metrics
    if command.name != "Node Control/Rebirth" or command.value is not True:
        say(f"unexpected {command}")
        return
    now = get_current_timestamp()
    # the library keeps the number of its next connection here
    number = Metric(now, "bdSeq", DataType.INT64, value=(edge._bd_seq_metric.value - 1) % 256)
    send(edge, MessageType.NBIRTH, NBirth(now, edge._seq, (*edge.metrics.values(), number)))
    for name, device in edge.devices.items():
        send(edge, MessageType.DBIRTH, DBirth(now, edge._seq, tuple(device.metrics.values())), name)
    say("reborn")


def obey(edge, command, value):
    """Do one command."""
    if command == "named":
        edge.update_device(DEVICE, [pressure(float(value))])
    elif command == "by_alias":
        metrics = (pressure(float(value), name=None),)
        send(edge, MessageType.DDATA, DData(get_current_timestamp(), edge._seq, metrics), DEVICE)
    elif command == "skip":
        _ = edge._seq
    elif command == "part":
        edge.deregister(DEVICE)
    elif command == "join":
        edge.register(Device(DEVICE, [pressure(float(value))]))


def main():
    """Connect and obey until the end of input."""
    rebirth = Metric(get_current_timestamp(), "Node Control/Rebirth", DataType.BOOLEAN, value=False)
    edge = EdgeNode(GROUP, EDGE, [rebirth], Client(client_id="edge-1"), cmd_callback=be_reborn)
    edge.register(Device(DEVICE, [pressure(300.0)]))
    edge.connect("127.0.0.1", port=int(sys.argv[1]), keepalive=5)
    for line in sys.stdin:
        command, _, value = line.strip().partition(" ")
        obey(edge, command, value)
        say("done")


if __name__ == "__main__":
    main()

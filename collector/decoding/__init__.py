"""Turn the payload of a message into readings of known sensors."""

"""Receive MQTT messages and acknowledge them after the journal has them."""

"""A district that sends: simulated lifelines, faults, scenarios and their ground truth over real MQTT."""

"""Track the state of each device: last message, clock, sequence numbers."""

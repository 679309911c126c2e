"""How good the warnings are: recordings with known events, replayed through the real path, scored by alarms alone."""

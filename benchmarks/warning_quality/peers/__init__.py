"""Detectors of others on the same recordings; what they say is scored as alarms, as ours are."""

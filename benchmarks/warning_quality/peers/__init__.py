"""Detectors of others on the same recordings; their output is scored as alarms, as ours are."""

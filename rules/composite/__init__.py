"""Evaluate rules that read the alarms of other rules."""

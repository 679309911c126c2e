"""Wiring: the running program. No other package imports it."""

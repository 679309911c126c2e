"""Wiring: the running program. Imported by nobody."""

"""Build, start, watch, reload and stop the running program."""

"""Read rule files, check them, and bind rules to sensors."""

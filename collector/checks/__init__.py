"""Check each reading and set the bits of its quality. Pure columns."""

"""Rule kinds: one file each, one line in `RULE_KINDS`."""

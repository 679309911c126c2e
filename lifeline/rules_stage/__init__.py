"""Read the journal, evaluate the rules, and write one ledger step per batch."""

"""`AlarmEvents` in, people told: the ledger, routing, the outbox, channels, receipts and acknowledgement."""

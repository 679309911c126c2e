"""From alarm events to recipients: alerts, notifications, delivery and the ledger."""

"""Read and write the ledger by topic: alerts, labels, alarm counts, configurations."""

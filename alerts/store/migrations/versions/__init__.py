"""One module for each revision of the schema of the ledger, run by Alembic in the order of their numbers."""

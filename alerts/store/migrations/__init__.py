"""Alembic migrations of the ledger, from the schema of 0.1.0 on."""

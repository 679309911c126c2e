"""Hold the tables of the ledger and the connection to its database."""

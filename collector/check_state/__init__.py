"""The contract of the quality checks, the state that they share, and their numbers."""

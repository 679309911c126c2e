"""Model the sensors of a zone together."""

"""Hold the sequential state that several rule kinds share."""

"""Payload formats: one file each, `decode` with `encode` beside it, one line in `DECODERS`."""

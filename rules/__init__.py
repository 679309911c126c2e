"""`ReadingBatch` in, `AlarmEvents` out: a pure, columnar, deterministic engine. No I/O, no clock, no threads."""

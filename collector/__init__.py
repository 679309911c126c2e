"""Bytes in, `ReadingBatch` out: MQTT intake, decoders, quality, the durable journal, the recorder and the history."""

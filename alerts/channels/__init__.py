"""The channels a notification can leave by: one file each, one verb, one line in `CHANNELS`.

Comes in: a `Notification`. Goes out: an `Outcome`. Retry, timing and metrics belong to `alerts.dispatch`.
"""

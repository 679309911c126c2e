"""Turn alarm events into alerts and notifications. Pure: no I/O and no clock."""

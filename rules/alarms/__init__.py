"""Hold the level state of each alarm: delays, deadband, latch."""

"""Count and time the program for Prometheus."""

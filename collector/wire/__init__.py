"""Parse the wire formats that more than one decoder uses."""

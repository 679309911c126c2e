"""Compute statistics of arrays. Each file holds one method and its source."""

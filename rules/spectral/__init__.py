"""Compute spectra and mode shapes of sampled signals."""

"""Decide which readings a rule may use: presence, order, low battery."""

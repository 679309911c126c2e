"""Deliver the notifications of the outbox: the sending loop and its outages."""

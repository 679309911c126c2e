"""Deliver the notifications of the outbox."""

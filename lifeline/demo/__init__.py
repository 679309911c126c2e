"""The demonstration: a whole district in one program, a story that is played and checked, and a view of it."""

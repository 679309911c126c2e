"""Run the tests that a rule author writes beside the rules."""

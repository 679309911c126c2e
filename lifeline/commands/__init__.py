"""Run the commands of the command line."""

"""Collect the rows and figures that the console and the commands show."""

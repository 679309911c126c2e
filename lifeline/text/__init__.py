"""Hold the words and number formats of every page and message."""

"""Hold the routes of the console: one module for each page or group of addresses."""

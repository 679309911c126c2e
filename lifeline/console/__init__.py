"""The web console: assets in danger, messages and their recipients, and the page of each acknowledge link."""

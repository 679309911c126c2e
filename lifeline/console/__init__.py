"""The web console: what is in danger, who was told, and the page behind each acknowledge link."""

"""Choose recipients and channels for a warning level."""

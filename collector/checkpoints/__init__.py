"""Save and restore the state of the collector beside the journal."""

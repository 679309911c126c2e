"""Domain packs: limits with their sources, one YAML file a lifeline."""

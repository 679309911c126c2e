"""Everything known before any data arrives: settings, asset register, quantities, levels, regions."""

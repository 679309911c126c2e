"""Speed as figures: `python -m benchmarks` prints one line a figure, ratios measured in the same run."""

"""A rule set judged over the past: alarm load, messages, difference to the running rules, hits and misses."""

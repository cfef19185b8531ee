"""The report on the store: orders, outcomes, gaps, exclusions, feedback and times. Nobody is named in it."""

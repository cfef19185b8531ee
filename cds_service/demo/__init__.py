"""The demo: pages with sample charts, and an EHR of its own to start the SMART app from. `serve` imports none of it."""

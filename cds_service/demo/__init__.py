"""The demo: sample charts, and its own EHR from which the SMART app is launched. `serve` imports none of this."""

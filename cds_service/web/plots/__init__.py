"""Plots of a chart and of the report, as SVG with a table beside each."""

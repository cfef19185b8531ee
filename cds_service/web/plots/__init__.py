"""Plots as inline SVG: x in percent, so that a plot takes any width; y and text in pixels, so that text keeps its size.

Colors and text follow the page's style sheet, in the dark and in print as well.
"""

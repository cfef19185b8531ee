"""Resources of a chart to facts, one module a kind of resource; chart_reader.py puts them together."""

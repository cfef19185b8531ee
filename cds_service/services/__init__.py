"""The use cases, top to bottom."""

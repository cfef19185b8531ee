"""JSON to views: bounds on its shape, the fields that are read of each resource, search results and their messages."""

"""The CDS Hooks protocol as plain functions: bytes and JSON in, JSON out. No Flask."""

"""Migrations of the tables, oldest first."""

"""Shared by every mapping: data types, dates, units, code systems and value sets, references, free text."""

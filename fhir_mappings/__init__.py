"""FHIR R4 to facts and back. Never imports Flask, requests or SQL."""

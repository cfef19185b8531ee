"""The demo's own EHR: a SMART on FHIR authorization server, and a gateway before the sandbox's FHIR server."""

"""Outgoing HTTP: reading and writing an EHR's FHIR server, SMART App Launch, key sets. No other package connects."""

"""FHIR that we send: coverage-information, the questionnaire with its libraries, questionnaire responses."""

"""What goes out as FHIR: coverage-information, the questionnaire with its libraries, its responses."""

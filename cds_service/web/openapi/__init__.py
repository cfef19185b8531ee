"""The service's HTTP surface as an OpenAPI document."""

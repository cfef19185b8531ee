"""SMART backend services: access tokens for DTR clients that act without a person."""

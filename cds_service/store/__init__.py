"""The database: stored calls and feedback, sessions, used tokens. The only package that knows SQL."""

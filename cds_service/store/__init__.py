"""What is kept of calls and feedback; the only room that knows SQL."""

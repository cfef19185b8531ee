"""The SMART app: launch and sign-in, sessions, the documentation page and its form."""

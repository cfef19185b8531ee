"""The service: protocol, policy, and the rooms between them. Importing the policy never imports Flask."""

"""Who may call, and which servers may be called for them."""

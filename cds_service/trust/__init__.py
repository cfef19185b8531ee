"""Who may call: trusted clients, their keys and tokens; and which servers may be called for them."""

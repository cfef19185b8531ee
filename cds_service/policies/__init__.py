"""What the payer says. Pure: the same facts on the same day give the same determination, for ever."""

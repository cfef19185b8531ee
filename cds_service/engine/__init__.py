"""How the service reasons: truth, findings, dated parameters, determinations. Standard library only."""

"""Draft orders to facts: what is ordered, for whom, by whom."""

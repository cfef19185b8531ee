"""Who a payer is: its names, its look-alikes, its plan ids, its products and states; one TOML a payer."""

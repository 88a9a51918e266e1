"""Which address does what: one module per area, each with its own guards."""

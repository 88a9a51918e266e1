"""Remote work: technicians configure gateways and have them scan, pair and restart, and see how it goes."""

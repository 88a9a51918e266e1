"""Homes without hardware: meters, a Bluetooth stack and whole populations, simulated around the real product."""

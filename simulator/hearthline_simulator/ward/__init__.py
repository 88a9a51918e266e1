"""A ward of simulated patients with a believable past, written through the backend's own ports. No real person."""

"""Meters that nobody connects to: what they say in their advertisements, decoded. No standard profile covers it."""

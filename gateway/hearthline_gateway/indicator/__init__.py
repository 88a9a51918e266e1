"""The receipt in the living room: light and sound that say whether a measurement arrived. Never what was measured."""

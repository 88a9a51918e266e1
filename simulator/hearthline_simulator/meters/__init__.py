"""Simulated meters: real GATT servers on bumble, one module per profile.

Frames are built here with ``struct`` and nothing of the gateway, so that one error cannot hide another.
"""

"""A simulated ``org.bluez`` for a private bus, with a real (bumble) Bluetooth host behind it.

It behaves as bluetoothd 5.82 was seen to behave, pleasant or not, so that a client which works here works there. The
real stack is the judge: a behaviour is pinned there before it is taught to this one.
"""

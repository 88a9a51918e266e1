"""A Debian guest with its own kernel and bluetoothd, in which the gateway's Bluetooth side is tested for real."""

"""What only a real kernel and bluetoothd can prove. Runs inside the guest of scripts/guest: ``make test-bluez``."""

"""The home: reads Bluetooth meters, keeps every reading until the backend has receipted it."""

"""The services every meter has: Battery 0x180F and Device Information 0x180A."""

from bumble.gatt import Service

from hearthline_simulator.meters.gatt_table import readable, uuid16


def battery(percent: int) -> Service:
    """Battery Level 0x2A19 in percent."""
    return Service(uuid16("180F"), [readable("2A19", bytes([percent]))])


def device_information(model: str, serial: str) -> Service:
    """Manufacturer, model, serial number and firmware, as text."""
    return Service(
        uuid16("180A"),
        [
            readable("2A29", b"Hearthline Simulator"),
            readable("2A24", model.encode()),
            readable("2A25", serial.encode()),
            readable("2A26", b"1.0"),
        ],
    )

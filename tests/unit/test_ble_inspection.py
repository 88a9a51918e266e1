"""What a look at bluetoothd makes of its objects."""

from dbus_fast import Variant

from hearthline_gateway.ble.inspection import SeenAdapter, _seen

METER = "F0:F1:00:00:18:10"
STRANGER = "F0:F1:00:00:66:66"


def _device(adapter: str, address: str, *, paired: bool) -> dict[str, dict[str, dict[str, Variant]]]:
    path = f"/org/bluez/{adapter}/dev_{address.replace(':', '_')}"
    return {path: {"org.bluez.Device1": {"Address": Variant("s", address), "Paired": Variant("b", paired)}}}


def test_a_bond_on_one_of_two_adapters_is_a_bond() -> None:
    adapters = {
        f"/org/bluez/{name}": {
            "org.bluez.Adapter1": {
                "Powered": Variant("b", name == "hci0"),
                "Modalias": Variant("s", "usb:v1D6Bp0246d0552"),
            }
        }
        for name in ("hci0", "hci1")
    }
    seen = _seen(
        adapters
        | _device("hci0", METER, paired=True)
        | _device("hci1", METER, paired=False)
        | _device("hci1", STRANGER, paired=False),
        None,
    )
    assert seen.adapters == (SeenAdapter("hci0", powered=True), SeenAdapter("hci1", powered=False))
    assert seen.version == (5, 82)
    assert seen.bonds == {METER: True, STRANGER: False}

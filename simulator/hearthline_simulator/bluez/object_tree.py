"""What is on the bus: object paths, their interfaces and properties, and the signals that tell of every change."""

from collections.abc import Iterable, Mapping

from dbus_fast import Message, Variant

from hearthline_simulator.bluez.errors import UNKNOWN_OBJECT, BluezError
from hearthline_simulator.bluez.names import OBJECT_MANAGER, PROPERTIES
from hearthline_simulator.bluez.outgoing import Outgoing

PropertyMap = dict[str, Variant]


class ObjectTree:
    """The exported objects. Every change goes out as the signal a client of the real one would see."""

    def __init__(self, outgoing: Outgoing) -> None:
        self._outgoing = outgoing
        self._objects: dict[str, dict[str, PropertyMap]] = {}

    def __contains__(self, path: str) -> bool:
        return path in self._objects

    @property
    def all(self) -> Mapping[str, Mapping[str, PropertyMap]]:
        """Every object, as ``GetManagedObjects`` answers."""
        return self._objects

    def paths_below(self, path: str) -> list[str]:
        """Every object below ``path``."""
        return [known for known in self._objects if known.startswith(f"{path}/")]

    def properties(self, path: str, interface: str) -> PropertyMap:
        """The properties of one interface; raises :class:`BluezError` as the bus would when it is not there."""
        found = self._objects.get(path, {}).get(interface)
        if found is None:
            raise BluezError(
                UNKNOWN_OBJECT, f'Method with interface "{interface}" on object at path "{path}" doesn\'t exist'
            )
        return found

    def add(self, path: str, interfaces: Mapping[str, PropertyMap]) -> None:
        """Export an object, or more interfaces of one that exists."""
        self._objects.setdefault(path, {}).update(interfaces)
        self._signal("/", OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", [path, dict(interfaces)])

    def remove(self, path: str) -> None:
        """Take an object and everything below it away, the lowest first."""
        for gone in sorted((known for known in self._objects if f"{known}/".startswith(f"{path}/")), reverse=True):
            self._signal("/", OBJECT_MANAGER, "InterfacesRemoved", "oas", [gone, list(self._objects.pop(gone))])

    def remove_interface(self, path: str, interface: str) -> None:
        """Take one interface of an object away, where it is there."""
        if self._objects.get(path, {}).pop(interface, None) is not None:
            self._signal("/", OBJECT_MANAGER, "InterfacesRemoved", "oas", [path, [interface]])

    def change(self, path: str, interface: str, values: PropertyMap, *, always: bool = False) -> None:
        """Set properties and tell of those that differ; of all of them with ``always``."""
        current = self.properties(path, interface)
        changed = {name: value for name, value in values.items() if always or current.get(name) != value}
        if changed:
            current.update(changed)
            self._signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", [interface, changed, []])

    def invalidate(self, path: str, interface: str, names: Iterable[str]) -> None:
        """Forget properties and say so."""
        current = self.properties(path, interface)
        gone = [name for name in names if current.pop(name, None) is not None]
        if gone:
            self._signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", [interface, {}, gone])

    def _signal(self, path: str, interface: str, member: str, signature: str, body: list[object]) -> None:
        self._outgoing.send(Message.new_signal(path, interface, member, signature, body))

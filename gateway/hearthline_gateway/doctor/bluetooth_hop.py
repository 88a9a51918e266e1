"""The radio: adapters, the switch that blocks them, bluetoothd and the pairing agent."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from hearthline_gateway.ble.inspection import BluetoothUnseenError, SeenBluetooth
from hearthline_gateway.control.messages import GatewayState
from hearthline_gateway.doctor.finding import Finding, State, cause_and_step

RFKILL: Final = Path("/sys/class/rfkill")
NEEDED: Final = (5, 55)
"""bleak uses D-Bus methods that came with this version."""
PROVED: Final = (5, 66)
"""The oldest version on a supported system (Raspberry Pi OS bookworm)."""


def blocked(folder: Path = RFKILL) -> dict[str, str]:
    """Why radios are blocked, by adapter: ``soft`` by a command, ``hard`` by a switch."""
    found = {}
    for entry in sorted(folder.glob("*")):
        if _line(entry / "type") == "bluetooth":
            why = "hard" if _line(entry / "hard") == "1" else "soft" if _line(entry / "soft") == "1" else None
            if why is not None:
                found[_line(entry / "name")] = why
    return found


def bluetooth(
    seen: SeenBluetooth | BluetoothUnseenError,
    state: GatewayState | None,
    wanted: Sequence[str],
    blocks: dict[str, str],
) -> Iterator[Finding]:
    """``wanted`` are the adapters that the settings name; none for whichever there is."""
    for name, why in blocks.items():
        unblock = "rfkill unblock bluetooth" if why == "soft" else "Switch Bluetooth on by its hardware switch."
        yield Finding("bluetooth", "blocked", State.BROKEN, f"{name} is blocked ({why}).", unblock)
    if isinstance(seen, BluetoothUnseenError):
        words, step = cause_and_step(str(seen))
        yield Finding("bluetooth", "bluetoothd", State.BROKEN, words, step or "systemctl restart bluetooth")
        return
    yield from _adapters(seen, wanted)
    yield _version(seen)
    yield _agent(seen, state)
    if state is not None:
        yield from _as_the_gateway_says(state)


def _adapters(seen: SeenBluetooth, wanted: Sequence[str]) -> Iterator[Finding]:
    there = {adapter.name: adapter for adapter in seen.adapters}
    for name in (name for name in wanted if name not in there):
        words = f"{name}, which bluetooth.adapters names, is not there; there is {', '.join(there) or 'none'}."
        yield Finding("bluetooth", "adapter", State.BROKEN, words, "Plug it in, or correct bluetooth.adapters.")
    if not (wanted or there):
        step = "Plug one in; on a Raspberry Pi take dtoverlay=disable-bt out of /boot/firmware/config.txt."
        yield Finding("bluetooth", "adapter", State.BROKEN, "there is no Bluetooth adapter.", step)
    for name, adapter in there.items():
        if adapter.powered:
            yield Finding("bluetooth", "adapter", State.OK, f"{name} is powered")
        elif not wanted or name in wanted:
            yield Finding("bluetooth", "adapter", State.BROKEN, f"{name} is powered off.", "bluetoothctl power on")


def _version(seen: SeenBluetooth) -> Finding:
    if seen.version is None:
        return Finding(
            "bluetooth", "BlueZ", State.OK, f"runs; it does not tell its version ({_dotted(PROVED)} is needed)"
        )
    step = f"Update the system: apt-get install bluez; {_dotted(PROVED)} or newer is proved."
    words = f"version {_dotted(seen.version)}"
    if seen.version < NEEDED:
        return Finding("bluetooth", "BlueZ", State.BROKEN, f"{words} is too old.", step)
    if seen.version < PROVED:
        return Finding("bluetooth", "BlueZ", State.SOON, words, step)
    return Finding("bluetooth", "BlueZ", State.OK, words)


def _agent(seen: SeenBluetooth, state: GatewayState | None) -> Finding:
    if state is not None:
        return Finding("bluetooth", "agent", State.OK, "the running gateway answers for pairing")
    if seen.agent_problem is None:
        return Finding("bluetooth", "agent", State.OK, "can be registered")
    return Finding("bluetooth", "agent", State.BROKEN, *cause_and_step(seen.agent_problem))


def _as_the_gateway_says(state: GatewayState) -> Iterator[Finding]:
    status = state.status
    for adapter in status.adapters:
        if adapter.problem is not None:
            yield Finding("bluetooth", adapter.name, State.BROKEN, *cause_and_step(adapter.problem))
    words = status.adapter or "unknown"
    if not status.adapters and words != "powered":
        yield Finding("bluetooth", "collecting", State.BROKEN, *cause_and_step(words))


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def _line(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:  # gone between the listing and the look
        return ""

"""The real gateway of the simulated home: its configuration file and its process."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hearthline_gateway.exit_codes import ExitCode
from hearthline_simulator.demo.broker import BrokerAccess
from hearthline_simulator.demo.commands import command
from hearthline_simulator.demo.processes import Child
from hearthline_simulator.ward.meters import HomeMeter
from hearthline_simulator.ward.profiles import TIME_ZONE

RESEND_S: Final = 2
"""Seconds until what has no receipt is sent again. The default is made for thin networks; one machine needs no more."""


def configuration(name: str, data_dir: Path, broker: BrokerAccess, meters: Sequence[HomeMeter]) -> str:
    """The TOML that a technician would have written for this home."""
    lines = [
        "[gateway]",
        f'name = "{name}"',
        f'time_zone = "{TIME_ZONE}"',
        f'data_dir = "{data_dir}"',
        "trust_clock = true",  # the kernel of a container or a laptop under a simulation is often not told
        "",
        "[mqtt]",
        f'url = "{broker.url}"',
        *_credentials(broker),
        "",
        "[uplink]",
        f"resend_first_s = {RESEND_S}",
    ]
    for home_meter in meters:
        lines += ["", "[[meters]]", f'address = "{home_meter.address}"', f'model = "{home_meter.meter.model}"']
    return "\n".join(lines) + "\n"


def _credentials(broker: BrokerAccess) -> list[str]:
    given = {"username": broker.username, "password_file": broker.password_file}
    return [f"{key} = {json.dumps(str(value))}" for key, value in given.items() if value is not None]


def gateway_child(folder: Path, bus: str, name: str, broker: BrokerAccess, meters: Sequence[HomeMeter]) -> Child:
    """The gateway's process, reading the simulated home's bus as its system bus. Not yet started."""
    config = config_file(folder)
    config.write_text(configuration(name, outbox_folder(folder), broker, meters))
    return Child(
        "gateway",
        command("hearthline-gateway", "run", "--config", str(config)),
        log=folder / "gateway.log",
        environment={"DBUS_SYSTEM_BUS_ADDRESS": bus},
        restart_code=ExitCode.RESTART,
    )


def config_file(folder: Path) -> Path:
    """Where this gateway's settings are."""
    return folder / "gateway.toml"


def outbox_folder(folder: Path) -> Path:
    """Where this gateway keeps its outbox."""
    return folder / "gateway"

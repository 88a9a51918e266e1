"""A D-Bus of our own: nothing on it but what we start, and no right needed to start it."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from shutil import which
from typing import Final

from hearthline_simulator.with_parent import dies_with_parent

_CONFIG: Final = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
  <limit name="max_completed_connections">4096</limit>
  <limit name="max_connections_per_user">4096</limit>
  <limit name="max_match_rules_per_connection">4096</limit>
  <limit name="max_replies_per_connection">4096</limit>
</busconfig>
"""
_START_LIMIT_S: Final = 10.0
_STOP_LIMIT_S: Final = 5.0


class PrivateBusError(RuntimeError):
    """The bus could not be started; the message says what to do."""


@asynccontextmanager
async def private_bus() -> AsyncIterator[str]:
    """Run a ``dbus-daemon`` in a temporary folder and yield its address, fit for ``DBUS_SYSTEM_BUS_ADDRESS``.

    Raises :class:`PrivateBusError` when the daemon is not installed or does not come up.
    """
    program = which("dbus-daemon")
    if program is None:
        raise PrivateBusError(
            "dbus-daemon is not installed: install it (Debian: apt install dbus-daemon) and try again"
        )
    with tempfile.TemporaryDirectory(prefix="hearthline-bus-") as folder:
        config = Path(folder) / "bus.conf"
        config.write_text(_CONFIG.format(socket=Path(folder) / "socket"), encoding="utf-8")
        daemon = await asyncio.create_subprocess_exec(
            *dies_with_parent(),
            program,
            f"--config-file={config}",
            "--nofork",
            "--nopidfile",
            "--print-address=1",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            yield await _address(daemon)
        finally:
            await _stop(daemon)


async def _address(daemon: asyncio.subprocess.Process) -> str:
    if daemon.stdout is None or daemon.stderr is None:
        raise PrivateBusError("dbus-daemon was started without its pipes")
    async with asyncio.timeout(_START_LIMIT_S):
        line = await daemon.stdout.readline()
        if not line:
            said = (await daemon.stderr.read()).decode(errors="replace").strip()
            raise PrivateBusError(f"dbus-daemon ended at once: {said or 'it said nothing'}")
    return line.decode().strip()


async def _stop(daemon: asyncio.subprocess.Process) -> None:
    if daemon.returncode is None:
        daemon.terminate()
    try:
        async with asyncio.timeout(_STOP_LIMIT_S):
            await daemon.communicate()
    except TimeoutError:
        daemon.kill()
        await daemon.communicate()

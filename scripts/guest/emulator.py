"""Runs the guest in qemu, passes on what it says line by line, and ends it when it hangs."""

import os
import re
import selectors
import subprocess
import time
from pathlib import Path
from typing import IO, Final, cast

from scripts.guest.image import Image
from scripts.guest.machine import QEMU

_ENDED: Final = re.compile(r"guest: ended with (\d+)")
_FIRST_WORD: Final = "guest: "
_BROKEN_KVM: Final = "KVM internal error"
_MEGABYTES: Final = 1536


class GuestFailedError(Exception):
    """The guest did not say how it ended; the message tells what is known."""


class DidNotBootError(GuestFailedError):
    """It never said a word."""


def run_guest(
    image: Image, checkout: Path, console: Path, *, accelerator: str, limit_s: float, silent_s: float, boot_s: float
) -> int:
    """Boot, run, switch off; answers with the tests' exit code. ``accelerator`` is qemu's. The whole may take
    ``limit_s`` seconds, silence ``silent_s``, and the first line ``boot_s``. Raises :class:`GuestFailedError`."""
    process = subprocess.Popen(
        _command(image, checkout, console, accelerator),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        return follow(cast("IO[bytes]", process.stdout), limit_s=limit_s, silent_s=silent_s, boot_s=boot_s)
    finally:
        process.kill()
        process.wait()


def _command(image: Image, checkout: Path, console: Path, accelerator: str) -> list[str]:
    return [
        QEMU,
        *("-accel", accelerator, "-cpu", "max", "-m", str(_MEGABYTES), "-smp", "2"),
        *("-display", "none", "-no-reboot", "-nodefaults", "-nic", "none"),
        *("-kernel", str(image.kernel), "-initrd", str(image.initrd)),
        *("-append", "console=ttyS0 quiet panic=-1"),
        *("-drive", f"file={image.disk},format=raw,if=virtio,readonly=on"),
        *("-drive", f"file={checkout},format=raw,if=virtio,readonly=on"),
        *("-serial", f"file:{console}", "-chardev", "stdio,id=tests,signal=off", "-serial", "chardev:tests"),
    ]


def follow(said: IO[bytes], *, limit_s: float, silent_s: float, boot_s: float) -> int:
    """Pass on what the guest says, until it says how it ended."""
    ends_at = time.monotonic() + limit_s
    before: list[str] = []
    booted = False
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(said, selectors.EVENT_READ)
        while True:
            patience = silent_s if booted else boot_s
            left = ends_at - time.monotonic()
            if not selector.select(max(min(patience, left), 0.0)):
                raise _hung(limit_s if left <= patience else patience, booted=booted)
            chunk = os.read(said.fileno(), 65536)
            *lines, rest = (rest + chunk).split(b"\n")
            for line in (raw.decode(errors="replace").rstrip("\r") for raw in lines):
                outcome = _ENDED.fullmatch(line)
                if outcome is not None:
                    return int(outcome.group(1))
                booted = booted or line.startswith(_FIRST_WORD)
                if booted:
                    print(line, flush=True)
                else:
                    before.append(line)
            if not booted and (not chunk or any(line.startswith(_BROKEN_KVM) for line in before)):
                raise DidNotBootError(f"it did not boot: {before[-1 if not chunk else 0] if before else 'no word'}")
            if not chunk:
                raise GuestFailedError("it ended in the middle of the tests")


def _hung(seconds: float, *, booted: bool) -> GuestFailedError:
    if booted:
        return GuestFailedError(f"it hung for {seconds:.0f} s and was ended")
    return DidNotBootError(f"it did not boot within {seconds:.0f} s and was ended")

"""What this machine must offer: the programs that build and run the guest, installed where we may."""

import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Final

QEMU: Final = "qemu-system-x86_64"
_TO_RUN: Final = {QEMU: "qemu-system-x86"}
_TO_BUILD: Final = {
    "debootstrap": "debootstrap",
    "mke2fs": "e2fsprogs",
    "xz": "xz-utils",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
}
"""What is looked for, and the package that brings it."""
_ALSO_IN: Final = "/usr/sbin:/sbin"


class MissingPartError(Exception):
    """This machine lacks something; the message names it and what to do."""


def as_root() -> list[str] | None:
    """What goes before a command that needs to be root; None where we may not."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo is None:
        return None
    allowed = subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0
    return [sudo, "-n", "-E"] if allowed else None


def prepare(*, build: bool) -> list[str]:
    """See to it that everything is there; ``build`` where the guest has still to be built. Answers with what goes
    before a command that needs to be root. Raises :class:`MissingPartError`."""
    if platform.machine() not in ("x86_64", "AMD64"):
        raise MissingPartError(f"the guest is built for x86-64, and this machine is {platform.machine()}: run it there")
    root = as_root()
    wanted = _TO_RUN | (_TO_BUILD if build else {})
    missing = _missing(wanted)
    if missing and root is not None:
        _install(sorted(missing), root)
        missing = _missing(wanted)
    if missing:
        raise MissingPartError(f"install as root: apt-get install --no-install-recommends {' '.join(sorted(missing))}")
    if build and root is None:
        raise MissingPartError("the guest has to be built once, by root or where sudo asks for no password")
    return root or []


def kvm_offered() -> bool:
    """Whether the kernel lets us virtualise; it may still turn out not to work."""
    return os.access("/dev/kvm", os.R_OK | os.W_OK)


def _missing(wanted: dict[str, str]) -> set[str]:
    return {package for part, package in wanted.items() if not _there(part)}


def _there(part: str) -> bool:
    if part.startswith("/"):
        return Path(part).exists()
    return (shutil.which(part) or shutil.which(part, path=_ALSO_IN)) is not None


def _install(packages: list[str], root: list[str]) -> None:
    apt = shutil.which("apt-get")
    if apt is None:
        return
    print(f"guest: installing {' '.join(packages)} (apt)", flush=True)
    options = ["-q", "-y", "-o", "DPkg::Lock::Timeout=300", "--no-install-recommends"]
    for command in (["update"], ["install", *packages]):
        subprocess.run(
            [*root, "env", "DEBIAN_FRONTEND=noninteractive", apt, *options, *command],
            stdout=subprocess.DEVNULL,
            check=False,
        )

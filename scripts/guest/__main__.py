"""``python -m scripts.guest [pytest's arguments]``: the tests of ``tests/bluez`` inside the guest.

Exit code: the tests'; 1 where something is missing and ``CI`` is set, or the guest failed. Locally a missing part is
said and skipped.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from scripts.guest import image, machine
from scripts.guest.checkout import pack
from scripts.guest.emulator import DidNotBootError, GuestFailedError, run_guest

_TESTS: Final = (
    "tests/bluez",
    "--verbose",
    "--no-header",
    "--color=no",
    "--tb=short",
    "-o",
    "console_output_style=times",
)
_SILENT_S: Final = 150.0
"""No test may take longer than its own limit, which is shorter."""
_KVM_BOOT_S: Final = 40.0
_BOOT_S: Final = 120.0
_CONSOLE_LINES: Final = 30


def main() -> int:
    options, given = _options()
    began = time.monotonic()
    try:
        root = machine.prepare(build=not image.built())
    except machine.MissingPartError as missing:
        print(f"guest: the tests against the real bluetoothd are SKIPPED; {missing}", file=sys.stderr)
        return 1 if os.environ.get("CI", "").lower() in ("true", "1") else 0
    try:
        guest = image.build(root)
    except image.BuildFailedError:
        print("guest: it could not be built; the lines above say why", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="hearthline-guest-") as folder:
        checkout, console = Path(folder) / "checkout.tar", Path(folder) / "console"
        pack(checkout, [*_TESTS, *given])
        outcome = _run(options, guest, checkout, console)
    print(f"guest: {time.monotonic() - began:.0f} s in all", flush=True)
    return outcome


def _run(options: argparse.Namespace, guest: image.Image, checkout: Path, console: Path) -> int:
    """Virtualised where that works, emulated otherwise."""
    kvm = options.accelerator == "kvm" or (options.accelerator == "auto" and machine.kvm_offered())
    attempts = ["kvm"] * kvm + ["tcg,thread=multi"] * (options.accelerator != "kvm")
    for accelerator in attempts:
        print(f"guest: booting ({accelerator.partition(',')[0]})", flush=True)
        console.unlink(missing_ok=True)
        boot_s = _KVM_BOOT_S if accelerator == "kvm" else _BOOT_S
        try:
            return run_guest(
                guest,
                checkout,
                console,
                accelerator=accelerator,
                limit_s=options.limit,
                silent_s=_SILENT_S,
                boot_s=boot_s,
            )
        except DidNotBootError as failed:
            if accelerator != attempts[-1]:
                print(f"guest: {accelerator} does not work on this machine, emulating instead", flush=True)
                continue
            _show(failed, console)
        except GuestFailedError as failed:
            _show(failed, console)
            break
    return 1


def _show(failed: GuestFailedError, console: Path) -> None:
    print(f"guest: {failed}", file=sys.stderr)
    if console.exists():
        for line in console.read_text(errors="replace").splitlines()[-_CONSOLE_LINES:]:
            print(f"console: {line}", file=sys.stderr)


def _options() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(prog="python -m scripts.guest", description=__doc__)
    parser.add_argument("--accelerator", choices=("auto", "kvm", "tcg"), default="auto")
    parser.add_argument("--limit", type=float, default=900.0, help="seconds until a guest that goes on is ended")
    return parser.parse_known_args()


if __name__ == "__main__":
    sys.exit(main())

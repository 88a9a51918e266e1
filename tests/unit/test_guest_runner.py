"""Who runs the guest: what goes into it, and how its end, its silence and its refusal to boot are told apart."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from scripts.guest import image
from scripts.guest.checkout import pack
from scripts.guest.emulator import DidNotBootError, GuestFailedError, follow

LIMITS = {"limit_s": 30.0, "silent_s": 30.0, "boot_s": 30.0}


@contextmanager
def guest_that(script: str) -> Iterator[IO[bytes]]:
    process = subprocess.Popen([sys.executable, "-uc", script], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        with process.stdout as said:
            yield said
    finally:
        process.kill()
        process.wait()


def test_the_tests_exit_code_is_the_guests(capsys: pytest.CaptureFixture[str]) -> None:
    with guest_that("print('junk'); print('guest: up'); print('PASSED'); print('guest: ended with 3')") as said:
        assert follow(said, **LIMITS) == 3
    assert capsys.readouterr().out == "guest: up\nPASSED\n"


@pytest.mark.parametrize(
    ("script", "limits", "error", "words"),
    [
        ("print('guest: up'); import time; time.sleep(60)", {"silent_s": 0.2}, GuestFailedError, "hung for 0 s"),
        ("import time; time.sleep(60)", {"boot_s": 0.2}, DidNotBootError, "did not boot"),
        ("print('guest: up')", {}, GuestFailedError, "in the middle"),
        ("print('no kernel')", {}, DidNotBootError, "no kernel"),
        ("print('KVM internal error. 1'); import time; time.sleep(60)", {}, DidNotBootError, "KVM internal error"),
        (
            "import time; print('guest: up')\nwhile True: print('.'); time.sleep(0.05)",
            {"limit_s": 0.5},
            GuestFailedError,
            "was ended",
        ),
    ],
)
def test_a_guest_that_fails_says_how(
    script: str, limits: dict[str, float], error: type[GuestFailedError], words: str
) -> None:
    with guest_that(script) as said, pytest.raises(error, match=words):
        follow(said, **(LIMITS | limits))


def test_the_guest_gets_what_the_gateway_needs_and_nothing_of_the_backend() -> None:
    wanted = image.requirements((image.TREE / "pyproject.toml").read_text(encoding="utf-8"))
    names = {line.split(">")[0].split("[")[0] for line in wanted}
    assert {"bleak", "dbus-fast", "bumble", "pytest", "pydantic"} <= names
    assert not names & {"sqlalchemy", "aiohttp", "hearthline"}


def test_the_guests_folder_is_outside_the_tree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert image.folder().parent == tmp_path / "hearthline"
    assert not image.built()


def test_the_checkout_is_packed_with_the_arguments(tmp_path: Path) -> None:
    archive = tmp_path / "checkout.tar"
    pack(archive, ["-k", "cuff or scale"])
    names = subprocess.run(["tar", "-tf", str(archive)], capture_output=True, text=True, check=True).stdout.split()
    assert "gateway/hearthline_gateway/ble/session.py" in names
    assert "scripts/guest/inside" in names
    assert not [name for name in names if "__pycache__" in name]
    told = subprocess.run(["tar", "-xOf", str(archive), "guest-arguments"], capture_output=True, text=True, check=True)
    assert told.stdout == "-k\ncuff or scale\n"

"""The guest's kernel, initrd and disk: built once for each set of inputs, kept outside the tree."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
TREE: Final = HERE.parents[1]
_BUILT_FROM: Final = (HERE / "build", HERE / "boot", HERE / "packages")
_BESIDE_THE_GATEWAY: Final = ("bumble", "pytest", "pytest-asyncio", "pytest-timeout")
"""What the tests need of the extras ``simulator`` and ``dev``; the backend stays outside."""
_KEPT: Final = 3
"""How many guests of other inputs stay in the cache, for branches that are changed between."""


class BuildFailedError(Exception):
    """The guest could not be built; the build has said why."""


@dataclass(frozen=True, slots=True)
class Image:
    """A built guest."""

    kernel: Path
    initrd: Path
    disk: Path


def requirements(project: str) -> list[str]:
    """What the guest's virtual environment holds, from the text of ``pyproject.toml``."""
    table = tomllib.loads(project)["project"]
    extras = table["optional-dependencies"]
    beside = [line for line in (*extras["simulator"], *extras["dev"]) if _name(line) in _BESIDE_THE_GATEWAY]
    return sorted({*table["dependencies"], *extras["gateway"], *beside})


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    return "" if found is None else found.group().lower()


def folder() -> Path:
    """Where the guest for the present inputs is, or will be."""
    digest = hashlib.sha256("\n".join(_wanted()).encode())
    for file in _BUILT_FROM:
        digest.update(file.read_bytes())
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "hearthline" / f"guest-{digest.hexdigest()[:12]}"


def _wanted() -> list[str]:
    return requirements((TREE / "pyproject.toml").read_text(encoding="utf-8"))


def built() -> bool:
    """Whether there is nothing to build."""
    return folder().is_dir()


def build(as_root: list[str]) -> Image:
    """The guest, built now where it is missing. ``as_root`` goes before a command that needs to be root. Raises
    :class:`BuildFailedError`."""
    place = folder()
    place.parent.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(place.parent):
        if not place.is_dir():
            _build_into(place, as_root)
            _forget_oldest(place)
    place.touch()
    return Image(place / "kernel", place / "initrd", place / "disk")


def _build_into(place: Path, as_root: list[str]) -> None:
    partial = place.with_name(f"{place.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    wanted = partial / "requirements"
    wanted.write_text("".join(f"{line}\n" for line in _wanted()), encoding="utf-8")
    if subprocess.run([*as_root, str(HERE / "build"), str(partial), str(wanted)], check=False).returncode:
        raise BuildFailedError
    if as_root:
        subprocess.run([*as_root, "chown", "-R", f"{os.getuid()}:{os.getgid()}", str(partial)], check=True)
    partial.rename(place)


def _forget_oldest(newest: Path) -> None:
    others = sorted(
        (place for place in newest.parent.glob("guest-*") if place.is_dir() and place != newest),
        key=lambda place: place.stat().st_mtime,
        reverse=True,
    )
    for place in others[_KEPT:]:
        shutil.rmtree(place)


@contextmanager
def _one_at_a_time(cache: Path) -> Iterator[None]:
    with (cache / "guest.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

"""The checkout as the guest gets it: one archive of what it imports and tests, with a distribution's name beside it."""

import io
import tarfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from scripts.guest.image import TREE

_TAKEN: Final = (
    "protocol",
    "gateway",
    "simulator",
    "firmware-config",
    "scripts/guest",
    "tests/__init__.py",
    "tests/fixtures",
    "tests/bluez",
    "pyproject.toml",
)


def pack(archive: Path, arguments: Sequence[str]) -> None:
    """Write the archive. ``arguments`` are pytest's, which the guest reads from it."""
    with tarfile.open(archive, "w") as tar:
        for name in _TAKEN:
            tar.add(TREE / name, name, filter=_without_caches)
        _add(tar, "guest-arguments", "".join(f"{argument}\n" for argument in arguments))
        version = tomllib.loads((TREE / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
        metadata = f"Metadata-Version: 2.1\nName: hearthline\nVersion: {version}\n"
        _add(tar, f"hearthline-{version}.dist-info/METADATA", metadata)


def _without_caches(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if Path(member.name).name in ("__pycache__", ".mypy_cache", ".ruff_cache") else member


def _add(tar: tarfile.TarFile, name: str, text: str) -> None:
    content = text.encode()
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))

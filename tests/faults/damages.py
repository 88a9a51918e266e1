"""Ways in which a memory card ruins an outbox file."""

import os
import random
from pathlib import Path

PAGE = 4096
FRAME = 24 + PAGE


def overwrite(path: Path, at: int, size: int, seed: int = 1) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(random.Random(seed).randbytes(size))


def header(path: Path) -> None:
    overwrite(path, 0, 100)


def first_page(path: Path) -> None:
    overwrite(path, 0, PAGE)


def middle(path: Path) -> None:
    overwrite(path, path.stat().st_size // 2, 5000)


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size * 2 // 3)


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def journal_head(path: Path) -> None:
    overwrite(Path(f"{path}-wal"), 0, 32)


def journal_middle(path: Path) -> None:
    journal = Path(f"{path}-wal")
    content = journal.read_bytes()
    newest = content[16:24]  # behind the newest frames stand older ones, which no longer count
    count = 0
    while content[32 + count * FRAME + 8 :][:8] == newest:
        count += 1
    overwrite(journal, 32 + count // 2 * FRAME, 3000)


def journal_garbage(path: Path) -> None:
    journal = Path(f"{path}-wal")
    overwrite(journal, 0, journal.stat().st_size)


def both(path: Path) -> None:
    middle(path)
    journal_middle(path)


CLOSED = (header, first_page, middle, truncated)
AFTER_A_CRASH = (emptied, journal_head, journal_middle, journal_garbage, both)

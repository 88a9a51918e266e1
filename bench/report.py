"""Sections of ``docs/performance.md`` that benchmarks write themselves, each between two marks."""

import re
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[1] / "docs" / "performance.md"
PICTURES: Final = PAGE.parent / "pictures"


def write_section(name: str, text: str, page: Path = PAGE) -> None:
    """Put ``text`` in place of the section called ``name``, or at the end where there is none yet."""
    begin, end = f"<!-- {name}: written by the benchmark itself, not by hand -->", f"<!-- end of {name} -->"
    section = f"{begin}\n\n{text.strip()}\n\n{end}"
    before = page.read_text(encoding="utf-8")
    found = re.search(f"{re.escape(begin)}.*?{re.escape(end)}", before, re.DOTALL)
    if found is None:
        after = f"{before.rstrip()}\n\n{section}\n"
    else:
        after = before[: found.start()] + section + before[found.end() :]
    page.write_text(after, encoding="utf-8")

"""The reference in docs/ is generated; this says when somebody forgot to generate it."""

import re
from pathlib import Path

from scripts import reference

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\]\(([^)#]+?)(?:#[^)]*)?\)")


def test_the_reference_says_what_the_code_says() -> None:
    assert reference.stale() == [], "run python scripts/reference.py"


def test_every_link_in_the_docs_leads_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if not target.startswith(("http:", "https:", "mailto:")) and not (page.parent / target).exists()
    ]
    assert broken == []

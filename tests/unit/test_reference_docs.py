"""The reference in docs/ is generated; this says when somebody forgot to generate it."""

from pathlib import Path

from scripts import reference

ROOT = Path(__file__).parents[2]


def test_the_reference_says_what_the_code_says() -> None:
    assert reference.stale() == [], "run python scripts/reference.py"


def test_every_link_in_the_docs_leads_somewhere() -> None:
    import re

    broken = []
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")):
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if not target.startswith(("http:", "https:", "mailto:")) and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []

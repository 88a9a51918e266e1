"""How the product's own commands are started: the installed ones, those of this very installation."""

import sys
from pathlib import Path
from typing import Final

_MODULES: Final = {"hearthline": "hearthline_backend.cli", "hearthline-gateway": "hearthline_gateway.cli"}


def command(name: str, *arguments: str) -> tuple[str, ...]:
    """The command beside this Python; where scripts are kept elsewhere, the same entry point in this Python."""
    script = Path(sys.executable).with_name(name)
    start = (str(script),) if script.exists() else (sys.executable, "-c", f"from {_MODULES[name]} import main; main()")
    return (*start, *arguments)

"""Lets no child outlive a parent that was killed."""

import os
import shutil
from functools import cache


@cache
def dies_with_parent() -> tuple[str, ...]:
    """What to put before a command so that the kernel kills it when the process that started it is gone.

    util-linux's ``setpriv`` asks the kernel for it and then becomes the command, under the same id. Empty where the
    system does not offer it.
    """
    setpriv = shutil.which("setpriv", path=f"{os.environ.get('PATH', '')}:/usr/bin:/bin")
    return (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()

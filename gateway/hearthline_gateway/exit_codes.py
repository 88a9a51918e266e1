"""What the exit codes of ``hearthline-gateway`` mean. The documentation is made from this list."""

from enum import IntEnum
from typing import Final


class ExitCode(IntEnum):
    """How a command ended."""

    OK = 0
    FAILED = 1
    BAD_INPUT = 2
    NOT_RUNNING = 3
    NEEDS_A_PERSON = 4
    RESTART = 75
    INTERRUPTED = 130


MEANINGS: Final[dict[ExitCode, str]] = {
    ExitCode.OK: "It is done, and all is well.",
    ExitCode.FAILED: "It did not work, or a hop is broken; the last line says which and what to do next.",
    ExitCode.BAD_INPUT: "The arguments, the frame or the settings are wrong; nothing was done.",
    ExitCode.NOT_RUNNING: "It needs the running gateway, and none runs here.",
    ExitCode.NEEDS_A_PERSON: "The meter asks something, and nobody is at a terminal to answer.",
    ExitCode.RESTART: "`run` was asked to restart; the service manager starts it again.",
    ExitCode.INTERRUPTED: "Ended by Ctrl-C.",
}

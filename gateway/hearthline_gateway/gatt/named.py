"""A number that a profile names, as that name; one it reserves stays the plain number, so that it is encoded again."""

from enum import IntEnum
from typing import TypeVar

Name = TypeVar("Name", bound=IntEnum)


def named(names: type[Name], raw: int) -> Name | int:
    """``raw`` as one of ``names``, or as it came where the profile gives it no name."""
    try:
        return names(raw)
    except ValueError:
        return raw

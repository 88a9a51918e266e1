"""Passwords: argon2id, checked off the event loop, and as slow for an unknown login as for a known one."""

import asyncio
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER: Final = PasswordHasher()
_NOBODY: Final = "$argon2id$v=19$m=65536,t=3,p=4$7yNFpOebvp/9SF3PWa7iaQ$5keaMhuhh77jWUotuPFxHbTEntZH1GGqVSEVKEig5Jc"
"""The hash of a random text nobody kept, so that an unknown login takes as long as a wrong password."""


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


async def hash_password(password: str) -> str:
    """An argon2id hash with today's parameters."""
    return await asyncio.to_thread(_HASHER.hash, password)


async def password_matches(password_hash: str | None, password: str) -> bool:
    """Whether the password is the one behind the hash; ``None`` stands for a login nobody has."""
    matches = await asyncio.to_thread(_matches, password_hash or _NOBODY, password)
    return matches and password_hash is not None


def outdated(password_hash: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _HASHER.check_needs_rehash(password_hash)

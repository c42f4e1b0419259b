"""Opaque random tokens: what a browser or a programme holds, and the hash that we keep of it.

A token of 256 random bits needs no slow hash: SHA-256 cannot be run backwards over it. No JWT.
"""

import hashlib
import secrets


def new_token() -> str:
    """Return a new random token, 256 bits."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> bytes:
    """Return what is kept of a token: 32 bytes."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()

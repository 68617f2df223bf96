"""Who wrote a stored payload: a keyed digest, and the key that only this user has."""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
import stat
import sys
from collections.abc import Iterable
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

from ..errors import CheckpointError

KEY_NAME = "jupyter_parallel_key"
_KEY_BYTES = 32


def data_folder() -> Path:
    """Return Jupyter's folder for data of this user."""
    given = os.environ.get("JUPYTER_DATA_DIR")
    if given:
        return Path(given)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Jupyter"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "jupyter"


class Signer:
    """Signs blocks with a key.

    Parameters
    ----------
    key
        32 secret bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    @cached_property
    def id(self) -> str:
        """Names the key without giving it away."""
        return blake2b(b"jupyter_parallel key", key=self._key, digest_size=8).hexdigest()

    def sign(self, parts: Iterable[bytes | memoryview]) -> bytes:
        """Return the keyed digest of parts, each of which is bound with its length."""
        mac = blake2b(key=self._key, digest_size=32)
        for part in parts:
            mac.update(b"%d:" % len(part))
            mac.update(part)
        return mac.digest()

    def valid(self, mac: bytes, parts: Iterable[bytes | memoryview]) -> bool:
        """Whether ``mac`` was made of these parts with this key."""
        return hmac.compare_digest(mac, self.sign(parts))


def users_signer() -> Signer:
    """Return the signer with this user's key; makes the key when there is none."""
    folder = data_folder()
    path = folder / KEY_NAME
    if not path.exists():
        _make_key(folder, path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        key = file.read(_KEY_BYTES + 1)
    if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077 or len(key) != _KEY_BYTES:
        raise CheckpointError(
            f"the key {path} must be {_KEY_BYTES} bytes that only you can read: run chmod 600 on it if it is "
            "yours, or delete it (checkpoints signed with it must then be trusted again)"
        )
    return Signer(key)


def _make_key(folder: Path, path: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = folder / f".{KEY_NAME}.{os.getpid()}.{secrets.token_hex(4)}"
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(_KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link never replaces a key that somebody else made in the meantime.
        with contextlib.suppress(FileExistsError):
            os.link(new, path)
    finally:
        new.unlink()

"""Where checkpoints live: names that cannot leave their folder, and files that only their owner may read."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

from ..errors import CheckpointError, UntrustedCheckpoint

FOLDER = ".jupyter_parallel"
SUFFIX = ".sqlite"
_LONGEST = 80


def slug(name: str) -> str:
    """Return a file name for a checkpoint's name; different names give different ones."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.")[:_LONGEST]
    if plain == name:
        return plain
    return f"{plain or 'run'}-{blake2b(name.encode('utf-8', 'surrogatepass'), digest_size=4).hexdigest()}"


class Place:
    """The files of one checkpoint below a root folder.

    Raises
    ------
    CheckpointError
        The folder or a file is a symbolic link.
    UntrustedCheckpoint
        It belongs to somebody else.
    """

    def __init__(self, root: Path, name: str) -> None:
        self.name = name
        self.folder = root.resolve() / FOLDER
        stem = slug(name)
        self.file = self.folder / f"{stem}{SUFFIX}"
        self.lock = self.folder / f"{stem}.lock"
        for path in (self.folder, self.file, self.lock):
            _check_own(path)

    def exists(self) -> bool:
        return self.file.exists()

    def prepare(self) -> None:
        """Make the folder and an empty file that only this user may read."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        _check_own(self.folder)
        self.folder.chmod(0o700)
        ignore = self.folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        # SQLite gives its log files the mode of the file they belong to.
        descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        os.fchmod(descriptor, 0o600)
        os.close(descriptor)

    def files(self) -> list[Path]:
        """Return the files that hold results."""
        return [path for path in map(self._beside, ("", "-wal", "-shm")) if path.exists()]

    def _beside(self, suffix: str) -> Path:
        return self.file.with_name(self.file.name + suffix)

    def size(self) -> int:
        """Return the bytes on disk."""
        return sum(path.stat().st_size for path in self.files())

    def move_aside(self) -> Path:
        """Rename a file that can no longer be used, so that another can take its place."""
        number = 1
        while (aside := self.file.with_suffix(f".damaged-{number}{SUFFIX}.kept")).exists():
            number += 1
        for path in self.files():
            path.rename(aside.with_name(aside.name + path.name.removeprefix(self.file.name)))
        return aside

    def remove(self) -> None:
        for path in self.files():
            path.unlink()


def _check_own(path: Path) -> None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if stat.S_ISLNK(status.st_mode):
        raise CheckpointError(f"{path} is a symbolic link; checkpoints are kept in a folder of their own")
    if status.st_uid != os.getuid():
        raise UntrustedCheckpoint(
            f"{path} belongs to the user with number {status.st_uid}, not to you; opening it could run their "
            "code. If you trust it, copy it: the copy is yours"
        )


def stored_files(root: Path) -> Iterator[Path]:
    """Yield the files of all checkpoints below a root, by name."""
    folder = root.resolve() / FOLDER
    if folder.is_dir() and not folder.is_symlink():
        yield from sorted(path for path in folder.glob(f"*{SUFFIX}") if not path.is_symlink())

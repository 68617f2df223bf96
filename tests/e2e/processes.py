"""Processes that items run in, known by the files they wrote."""

from __future__ import annotations

from pathlib import Path

import psutil


def is_alive(pid: int) -> bool:
    """Return whether a process still runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def living(pids: set[int]) -> set[int]:
    return {pid for pid in pids if is_alive(pid)}


def written(folder: Path, pattern: str = "pid-*") -> set[int]:
    """Return the process ids in the names of files such as ``pid-1234``."""
    return {int(path.name.rpartition("-")[2]) for path in folder.glob(pattern)}


def semaphores(pid: int) -> list[Path]:
    """Return what loky left in shared memory for a kernel."""
    return list(Path("/dev/shm").glob(f"sem.loky-{pid}-*"))


def listening(pid: int) -> set[tuple[str, int]]:
    """Return the addresses that a process waits on for connections."""
    connections = psutil.Process(pid).net_connections(kind="inet")
    return {tuple(c.laddr) for c in connections if c.status == psutil.CONN_LISTEN}

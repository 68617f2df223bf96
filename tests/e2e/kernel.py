"""A real kernel without a browser, as nbclient and papermill drive one."""

from __future__ import annotations

import os
import queue
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

PROJECT = Path(__file__).parents[2]
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Reply:
    """What one cell did."""

    error: str = ""
    """Name of the exception it ended with, if it did."""
    message: str = ""
    traceback: str = ""
    stdout: str = ""
    stderr: str = ""
    value: str = ""
    """The value of its last expression."""
    displays: list[dict[str, Any]] = field(default_factory=list)
    """MIME bundles shown, results too; an updated display stands once, as it was last."""

    @property
    def text(self) -> str:
        """Everything that stands under the cell as plain text, without errors."""
        return self.stdout + "".join(str(bundle.get("text/plain", "")) for bundle in self.displays)


@dataclass
class Kernel:
    manager: KernelManager
    client: BlockingKernelClient
    folder: Path

    @property
    def pid(self) -> int:
        provisioner: Any = self.manager.provisioner
        pid: int = provisioner.process.pid
        return pid

    def run(self, code: str, timeout: float = 40) -> Reply:
        """Run a cell to its end."""
        return self.finish(self.start(code), timeout)

    def start(self, code: str) -> str:
        """Start a cell and return its id."""
        return self.client.execute(code, allow_stdin=False)

    def finish(self, cell: str, timeout: float = 40, until: Callable[[Reply], bool] | None = None) -> Reply:
        """Gather what a cell shows to its end, or until something has been seen, before its end or after."""
        reply = Reply()
        shown: dict[str, dict[str, Any]] = {}
        end = time.monotonic() + timeout
        while True:
            message = self.next_message(cell, end, reply)
            gather(reply, shown, message)
            ended = message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"
            if until(reply) if until is not None else ended:
                return reply

    def next_message(self, cell: str, end: float, so_far: Reply) -> dict[str, Any]:
        while True:
            left = end - time.monotonic()
            try:
                message: dict[str, Any] = self.client.get_iopub_msg(timeout=max(left, 0.001))
            except queue.Empty:
                raise AssertionError(f"the cell did not end in time; so far: {so_far}") from None
            # An update goes to the output it names, whatever cell runs meanwhile.
            if message["parent_header"].get("msg_id") == cell or message["msg_type"] == "update_display_data":
                return message

    def outcome(self, cell: str, timeout: float = 40) -> str:
        """Return ``"ok"``, ``"error"`` or, for a cell after a failed one, ``"aborted"``."""
        end = time.monotonic() + timeout
        while True:
            message = self.client.get_shell_msg(timeout=max(end - time.monotonic(), 0.001))
            if message["parent_header"].get("msg_id") == cell:
                status: str = message["content"]["status"]
                return status

    def interrupt(self) -> None:
        """Press ■."""
        self.manager.interrupt_kernel()


def gather(reply: Reply, shown: dict[str, dict[str, Any]], message: dict[str, Any]) -> None:
    kind, content = message["msg_type"], message["content"]
    if kind == "stream":
        setattr(reply, content["name"], getattr(reply, content["name"]) + content["text"])
    elif kind == "error":
        reply.error, reply.message = content["ename"], content["evalue"]
        reply.traceback = COLOUR.sub("", "\n".join(content["traceback"]))
    elif kind == "execute_result":
        reply.value = content["data"]["text/plain"]
        reply.displays.append(content["data"])
    elif kind in ("display_data", "update_display_data"):
        name = content.get("transient", {}).get("display_id") or message["msg_id"]
        if name not in shown:
            shown[name] = {}
            reply.displays.append(shown[name])
        shown[name].update(content["data"])


@contextmanager
def running(folder: Path) -> Iterator[Kernel]:
    """Start the kernel of this environment in a folder, which is also its home."""
    manager = KernelManager(kernel_name="python3", connection_file=str(folder / "kernel.json"))
    (folder / "tmp").mkdir()
    private = {"HOME": str(folder), "IPYTHONDIR": str(folder / ".ipython"), "TMPDIR": str(folder / "tmp")}
    env = {**os.environ, **private, "PYTHONPATH": str(PROJECT)}
    manager.start_kernel(cwd=str(folder), env=env)
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield Kernel(manager, client, folder)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)

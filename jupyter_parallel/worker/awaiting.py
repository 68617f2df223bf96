"""Results that must be awaited: items whose function is ``async`` or yields asynchronously."""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Callable
from types import AsyncGeneratorType, CoroutineType
from typing import TYPE_CHECKING, Any

from .context import Execution, entered

if TYPE_CHECKING:
    import asyncio

ASYNC_TYPES = (CoroutineType, AsyncGeneratorType)


async def _first(value: Any) -> Any:
    if not isinstance(value, AsyncGeneratorType):
        return await value
    # ``(await f(x) for _ in (None,))`` is how a comprehension's element arrives: its one value counts.
    try:
        return await anext(value)
    finally:
        await value.aclose()


class EventLoop:
    """The event loop of one worker, started when the first item needs it."""

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None

    def run(self, value: Any, execution: Execution) -> Any:
        """Return what the coroutine, or the first step of the async generator, gives."""
        import asyncio  # 11 ms of a worker's start that few runs need

        if asyncio._get_running_loop() is not None:
            # The kernel's main thread is inside its own loop, which cannot run a second one.
            return _in_helper_thread(lambda: asyncio.run(_first(value)), execution)
        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(_first(value))

    def close(self) -> None:
        if self._runner is not None:
            self._runner.close()
            self._runner = None


def _in_helper_thread(call: Callable[[], Any], execution: Execution) -> Any:
    future: concurrent.futures.Future[Any] = concurrent.futures.Future()

    def body() -> None:
        try:
            with entered(execution):
                future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=body, name="jupyter-parallel-await", daemon=True).start()
    return future.result()

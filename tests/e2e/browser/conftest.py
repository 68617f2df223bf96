"""One server and one browser for all these tests, one page per module, one notebook per test."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from . import chromium, lab, server

Create = Callable[..., lab.Notebook]

# Package scope, not session: Playwright keeps an asyncio loop running in this thread, which would
# break every later test that calls asyncio.run.


@pytest.fixture(scope="package")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.Server]:
    with server.running(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium.launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def lab_page(browser: Browser, lab_server: server.Server) -> Iterator[lab.Lab]:
    page = lab.opened(browser, lab_server)
    yield page
    page.page.context.close()


@pytest.fixture
def create(lab_page: lab.Lab, request: pytest.FixtureRequest) -> Iterator[Create]:
    """Open a new notebook with these cells; it is closed and its kernel ended after the test."""
    notebooks: list[lab.Notebook] = []
    lab_page.errors.clear()

    def create(*cells: str) -> lab.Notebook:
        name = re.sub(r"\W+", "-", request.node.name).strip("-") + f"-{len(notebooks)}"
        notebooks.append(lab_page.create(name, list(cells)))
        return notebooks[-1]

    yield create
    lab_page.page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    errors = lab_page.unexpected_errors()
    for notebook in notebooks:
        notebook.close()
    assert not errors, "errors in the page:\n" + "\n".join(errors)

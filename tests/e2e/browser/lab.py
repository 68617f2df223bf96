"""JupyterLab in a page: open notebooks, run cells, read what they show."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Route

from .server import Server

INJECTED = """
window.jparPanel = path => Array.from(window.jupyterapp.shell.widgets('main'))
    .find(widget => widget.context && widget.context.path === path);
window.jparCell = (path, index) => window.jparPanel(path).content.widgets[index];
window.jparKernel = path => window.jparPanel(path).sessionContext.session?.kernel;
"""

HARMLESS = re.compile(
    # Nothing but loopback is reachable.
    r"^Failed to load resource|net::ERR_"
    # ipywidgets looks for the kernel of a notebook that has none, and for the widgets of an earlier one.
    r"|^TypeError: Cannot read properties of null \(reading 'kernel'\)"
    r"|^Error: widget model not found"
    # Notebook 7 asks for settings of a plugin that it does not have.
    r"|^TypeError: Cannot read properties of undefined \(reading 'schema'\)"
    # The tests end a kernel that the page still talks to.
    r"|^(Error: )?(Canceled|Kernel is dead|Session disposed)|^Could not restore the debugger state: Canceled",
)


@dataclass
class Lab:
    """One page with JupyterLab in it, and what went wrong in it."""

    page: Page
    server: Server
    errors: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Load JupyterLab with an empty workspace."""
        self.page.goto(f"{self.server.url}/lab?reset", wait_until="domcontentloaded")
        self.wait_restored()

    def reload(self) -> None:
        """Reload the page as a user would, the notebooks in it too."""
        self.page.reload(wait_until="domcontentloaded")
        self.wait_restored()

    def wait_restored(self) -> None:
        self.page.wait_for_function("() => window.jupyterapp !== undefined")
        self.page.evaluate("() => window.jupyterapp.restored")

    def command(self, name: str, arguments: dict[str, Any] | None = None) -> None:
        """Start a command of JupyterLab; what it does is waited for elsewhere."""
        self.page.evaluate(
            "([name, args]) => { void window.jupyterapp.commands.execute(name, args); }",
            [name, arguments or {}],
        )

    def create(self, name: str, cells: list[str]) -> Notebook:
        """Write a notebook and open it."""
        return self.open(self.write(name, cells).path)

    def write(self, name: str, cells: list[str]) -> Notebook:
        """Write a notebook with code cells into a folder of its own."""
        folder = self.server.root / name
        folder.mkdir()
        path = f"{name}/{name}.ipynb"
        document = nbformat.v4.new_notebook(
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
            cells=[nbformat.v4.new_code_cell(cell.strip("\n")) for cell in cells],
        )
        nbformat.write(document, self.server.root / path)
        return Notebook(self, path)

    def open(self, path: str, kernel: bool = True) -> Notebook:
        """Open a notebook, with or without a kernel, and wait until it can be used."""
        notebook = Notebook(self, path)
        # What the dialog "No Kernel" does, without the dialog.
        self.page.evaluate(
            """kernel => { const factory = window.jupyterapp.docRegistry.getWidgetFactory('Notebook');
                factory._preferKernel = factory._canStartKernel = kernel; }""",
            kernel,
        )
        self.command("docmanager:open", {"path": path, "factory": "Notebook"})
        notebook.wait_ready(kernel)
        return notebook

    def watch(self) -> None:
        """Collect errors of the page from now on."""
        self.page.on(
            "pageerror", lambda error: self.errors.append(f"{error.name}: {error.message}\n{error.stack}")
        )
        self.page.on("console", self._heard)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def unexpected_errors(self) -> list[str]:
        return [error for error in self.errors if not HARMLESS.search(error)]


@dataclass
class Notebook:
    lab: Lab
    path: str

    @property
    def page(self) -> Page:
        return self.lab.page

    @property
    def folder(self) -> Path:
        """Folder of the notebook: where its kernel and its workers are."""
        return (self.lab.server.root / self.path).parent

    def signal(self, name: str) -> None:
        """Create the file that an item of the notebook waits for."""
        (self.folder / name).touch()

    def wait_ready(self, kernel: bool = True) -> None:
        self.page.wait_for_function(
            """path => { const panel = window.jparPanel(path);
                return panel?.context.isReady && panel.isVisible; }""",
            arg=self.path,
        )
        self.page.evaluate("path => window.jparPanel(path).revealed", self.path)
        if kernel:
            self.page.wait_for_function("path => window.jparKernel(path)?.status === 'idle'", arg=self.path)

    # cells

    def start(self, index: int) -> None:
        """Run a cell without waiting for it."""
        self.page.evaluate(
            """([path, index]) => {
                const panel = window.jparPanel(path);
                window.jupyterapp.shell.activateById(panel.id);
                panel.content.deselectAll();
                panel.content.activeCellIndex = index;
                void window.jupyterapp.commands.execute('notebook:run-cell');
            }""",
            [self.path, index],
        )

    def run(self, *indices: int, timeout: float = 40) -> None:
        """Run cells one after the other, each to its end."""
        for index in indices:
            self.start(index)
            self.wait_ended(index, timeout)

    def wait_ended(self, index: int, timeout: float = 40) -> None:
        self.page.wait_for_function(
            """([path, index]) => { const model = window.jparCell(path, index).model;
                return model.executionState === 'idle' && model.executionCount !== null; }""",
            arg=[self.path, index],
            timeout=timeout * 1000,
        )

    def is_waiting(self, index: int) -> bool:
        """Return whether a cell is still running."""
        state = self.page.evaluate(
            "([path, index]) => window.jparCell(path, index).model.executionState", [self.path, index]
        )
        return state == "running"

    def outputs(self, index: int) -> list[dict[str, Any]]:
        """Return the outputs of a cell as the notebook file would have them."""
        found: list[dict[str, Any]] = self.page.evaluate(
            "([path, index]) => window.jparCell(path, index).model.outputs.toJSON()", [self.path, index]
        )
        return found

    def text(self, index: int) -> str:
        """Return everything a cell printed or raised."""
        return "".join(map(text_of, self.outputs(index)))

    def error(self, index: int) -> str:
        """Return the name of the exception that a cell ended with, empty when it did not."""
        return next((o["ename"] for o in self.outputs(index) if o["output_type"] == "error"), "")

    def cell(self, index: int) -> Locator:
        """Return the cell in the page."""
        path = json.dumps(self.path)
        panel = self.page.evaluate(f"() => window.jparPanel({path}).id")
        return self.page.locator(f"[id='{panel}'] .jp-Notebook .jp-Cell").nth(index)

    def count_cells(self) -> int:
        count: int = self.page.evaluate("path => window.jparPanel(path).content.widgets.length", self.path)
        return count

    # the whole

    def save(self) -> None:
        self.page.evaluate("path => window.jparPanel(path).context.save()", self.path)

    def interrupt(self) -> None:
        """Press the ■ of the toolbar."""
        self.page.locator(".jp-NotebookPanel-toolbar:visible [data-jp-item-name='interrupt']").click()

    def close(self) -> None:
        """Close the tab without asking and end the kernel."""
        self.page.evaluate(
            """async path => { const panel = window.jparPanel(path);
                if (!panel) return;
                if (panel.sessionContext.session) await panel.sessionContext.shutdown();
                panel.context.model.dirty = false;
                panel.dispose(); }""",
            self.path,
        )


def text_of(output: dict[str, Any]) -> str:
    if output["output_type"] == "error":
        return f"{output['ename']}: {output['evalue']}\n"
    text = output.get("text") or output.get("data", {}).get("text/plain", "")
    return text if isinstance(text, str) else "".join(text)


def opened(browser: Browser, server: Server, start: bool = True) -> Lab:
    """Open JupyterLab in a fresh browser profile that reaches loopback only."""
    profile = browser.new_context(viewport={"width": 1280, "height": 900})
    profile.route("**/*", loopback_only)
    profile.add_init_script(INJECTED)
    page = profile.new_page()
    page.set_default_timeout(30_000)
    lab = Lab(page, server)
    lab.watch()
    if start:
        lab.start()
    return lab


def loopback_only(route: Route) -> None:
    if route.request.url.startswith(("http://127.0.0.1", "data:", "blob:")):
        route.continue_()
    else:
        route.abort()

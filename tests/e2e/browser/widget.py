"""The run widget as the tests see it: through its roles and texts, as far as they go."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Locator, expect

from ..waiting import wait_until
from .lab import Notebook

ROOT = ".jpar-root"
SNAPSHOT = ".jpar-snapshot"


@dataclass(frozen=True)
class Widget:
    root: Locator

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=name, exact=True)

    def press(self, name: str) -> None:
        self.button(name).click()

    def shows(self, text: str, timeout: float = 20) -> None:
        """Wait until a text stands in the widget."""
        expect(self.root).to_contain_text(text, timeout=timeout * 1000)

    def counts(self, expected: str, timeout: float = 20) -> None:
        """Wait until the counts are these, such as ``"2 success · 1 running"``."""
        seen: list[str] = []

        def equal() -> bool:
            seen[:] = [" · ".join(self.root.locator(".jpar-count").all_inner_texts())]
            return seen == [expected]

        try:
            wait_until(equal, f"the counts are {expected}", timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}; they are {seen}") from None

    @property
    def table(self) -> Locator:
        return self.root.get_by_role("table", name="Results")

    @property
    def drawn(self) -> Locator:
        """The rows of the results table that are drawn, a screenful at most."""
        return self.table.locator(".jpar-body .jpar-row")

    def rows(self) -> list[list[str]]:
        """Return the texts of the rows that are drawn."""
        rows: list[list[str]] = self.drawn.evaluate_all(
            "rows => rows.map(row => Array.from(row.children, cell => cell.textContent.trim()))"
        )
        return rows

    def indices(self) -> list[int]:
        return [int(row[0].replace(",", "")) for row in self.rows()]


def in_cell(notebook: Notebook, index: int) -> Widget:
    """Return the widget of a cell once it is in the page."""
    root = notebook.cell(index).locator(ROOT)
    expect(root).to_be_visible(timeout=20_000)
    return Widget(root)

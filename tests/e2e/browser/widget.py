"""The run widget as the tests see it: through its roles and texts, as far as they go."""

from __future__ import annotations

import re
from dataclasses import dataclass

from playwright.sync_api import Locator, expect

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

    def rows(self) -> list[list[str]]:
        """Return the texts of the rows of the results table that are drawn."""
        rows = self.root.locator(".jpar-results tbody tr")
        return [
            [cell.strip() for cell in row.locator("th, td").all_inner_texts()]
            for row in rows.all()
            if row.is_visible()
        ]

    def indices(self) -> list[int]:
        return [int(row[0]) for row in self.rows() if re.fullmatch(r"\d+", row[0])]


def in_cell(notebook: Notebook, index: int) -> Widget:
    """Return the widget of a cell once it is in the page."""
    root = notebook.cell(index).locator(ROOT)
    expect(root).to_be_visible(timeout=20_000)
    return Widget(root)

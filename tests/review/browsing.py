"""A reviewer at a real browser: what the page shows, what is pressed, what the browser loads and complains of."""

import time
from dataclasses import dataclass, field
from typing import Any

PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 800}
WATCH = """
document.addEventListener('securitypolicyviolation', found =>
    console.error(`policy: ${found.violatedDirective} ${found.blockedURI} ${found.sourceFile}:${found.lineNumber}`));
window.alert = window.confirm = window.prompt = said => console.error(`ran: ${said}`);
"""


@dataclass
class Reader:
    """A page of one browser window, and what happened in it."""

    page: Any
    address: str
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def open(self, path: str = "/review") -> "Reader":
        """Goes to a page of the server."""
        self.page.goto(self.address + path)
        return self

    @property
    def row(self) -> str | None:
        """The id of the row on the page, None where all is done."""
        found = self.page.locator("#item .text[data-row]")
        return found.get_attribute("data-row") if found.count() else None

    @property
    def text(self) -> str:
        """What the page says."""
        return str(self.page.locator("#said").text_content())

    def words(self) -> dict[str, str]:
        """The stored words of the row on the page."""
        return {
            one.get_attribute("data-label"): one.get_attribute("data-word")
            for one in self.page.locator("#item .label").all()
        }

    def asked_label(self) -> str:
        """The label that is marked as asked."""
        return str(self.page.locator("#item .label[aria-current]").get_attribute("data-label"))

    def press(self, *keys: str) -> None:
        """Presses keys one after another, each once what came before is stored."""
        for key in keys:
            self.page.keyboard.press(key)
            self.settled()

    def settled(self) -> None:
        """Waits until nothing is on its way to the server."""
        self.until("document.body?.dataset.busy !== 'true'")

    def until(self, script: str, wait: float = 15.0) -> None:
        """Waits until something is so; playwright's own way needs `eval` in the page, which the policy forbids."""
        end = time.monotonic() + wait
        while not self.page.evaluate(script):
            assert time.monotonic() < end, f"{script}: {self.page.locator('body').inner_text()}"
            self.page.wait_for_timeout(10)

    def outside(self) -> list[str]:
        """What was asked of anybody but the server."""
        return [one for one in self.asked if not one.startswith(self.address + "/")]


def reader(chromium: Any, address: str, **context: Any) -> Reader:
    """A browser of its own (its own cookies and storage), watched."""
    page = chromium.new_context(**({"viewport": DESK} | context)).new_page()
    page.set_default_timeout(15_000)
    found = Reader(page, address)
    page.add_init_script(WATCH)
    page.on("request", lambda one: found.asked.append(one.url))
    page.on("console", lambda one: found.said.append(one.text))
    page.on("pageerror", lambda one: found.said.append(f"error: {one}"))
    return found


def serious(page: Any) -> list[tuple[str, str]]:
    """What axe finds serious or critical on a page."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [(one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in ("serious", "critical")]


def too_wide(page: Any) -> bool:
    """Whether the page is wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def small_targets(page: Any) -> list[str]:
    """What is to be pressed and is smaller than 44 by 44 pixels."""
    script = """() => [...document.querySelectorAll('button, nav a, summary, .switch, .button, input, select')]
        .filter(one => !['checkbox', 'hidden'].includes(one.type))
        .filter(one => one.checkVisibility())
        .map(one => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
        .filter(([, box]) => box.width && (box.width < 43.9 || box.height < 43.9))
        .map(([html, box]) => `${html} ${box.width}x${box.height}`)"""
    return list(page.evaluate(script))

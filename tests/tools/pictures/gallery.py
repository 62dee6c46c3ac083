"""Takes the screens, each in three widths, light and dark, and lays a sheet of each out."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error, Page, sync_playwright

from ...live.browser import ARGUMENTS, CHROMIUM, PATIENCE
from . import accounts, conversations, lists, others, sheets
from .world import FOREIGN_HOST, World

SIZES = ((360, 740), (768, 1024), (1440, 900))
SCHEMES = ("light", "dark")
CHROMIUM_ARGUMENTS = [*ARGUMENTS, f"--host-resolver-rules=MAP {FOREIGN_HOST} 127.0.0.1"]


@dataclass
class Visit:
    """What a screen needs to come about: people with browsers of one size."""

    world: World
    chromium: Browser
    size: tuple[int, int]
    contexts: list[BrowserContext] = field(default_factory=list)

    def page(self, name: str | None, path: str, *, port: int = 0, **options: Any) -> Page:
        """The page at this path, of the person with this name; of nobody, if it is None."""
        width, height = self.size
        settings = {
            "base_url": f"http://127.0.0.1:{port or self.world.port}",
            "viewport": {"width": width, "height": height},
            "reduced_motion": "reduce",
        }
        context = self.chromium.new_context(**(settings | options))
        self.contexts.append(context)
        context.set_default_timeout(PATIENCE)
        if name:
            jar, url = self.world.person(name).cookies, settings["base_url"]
            names = ("sessionid", "csrftoken")
            context.add_cookies([{"name": n, "value": jar[n], "url": url} for n in names])
        page = context.new_page()
        page.goto(path)
        return page

    def is_narrow(self) -> bool:
        return self.size[0] < 896

    def end(self) -> None:
        while self.contexts:
            self.contexts.pop().close()


def take(folder: Path, words: list[str]) -> None:
    """Takes them all; ends with a failure if one could not be taken."""
    (folder / "sheets").mkdir(parents=True, exist_ok=True)
    screens = [each for part in (accounts, conversations, lists, others) for each in part.SCREENS]
    failed = []
    with World() as world, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        for screen in screens:
            name = screen.__name__
            if words and not any(word in name for word in words):
                continue
            try:
                shots = [
                    each for size in SIZES for each in _shots(world, chromium, screen, size, folder)
                ]
                sheets.lay_out(chromium, name, shots, folder)
                print(name, flush=True)
            except (Error, AssertionError, LookupError, TypeError) as problem:
                print(f"{name}: {problem}", flush=True)
                failed.append(name)
        chromium.close()
    if failed:
        sys.exit(f"Not taken: {', '.join(failed)}")


def _shots(world, chromium, screen, size, folder):
    """The pictures of a screen in one size, and what they show."""
    visit = Visit(world, chromium, size)
    name = screen.__name__
    try:
        page = screen(visit)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            if name.startswith("whole_"):
                _make_room(page)
            path = folder / f"{name}-{size[0]}-{scheme}.png"
            page.screenshot(path=path, animations="disabled")
            yield path
    finally:
        visit.end()
        world.tidy()


def _make_room(page):
    """A screen as high as what is on it."""
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": page.viewport_size["width"], "height": height})

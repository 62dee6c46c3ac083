"""The pictures of the README, of the page with the demo model."""

import re
import shutil
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import expect, sync_playwright

from ...double import ProviderDouble
from ...live.browser import ARGUMENTS, CHROMIUM, expect_state, log_in, prose, send
from ...site import ROOT, Site

DOCS = ROOT / "docs"
LARGEST = 150_000  # bytes
EARLIER = (
    "Plan a weekend in Lisbon by train",
    "Explain Raft as if I ran a bakery",
    "Names for a grey cat who opens doors",
)
QUESTION = "How do I stream a reply so that a reload cannot lose a word of it?"
MIDDLE = "OPENAI_API_KEY"  # when the picture is taken


def take():
    DOCS.mkdir(exist_ok=True)
    with demo_site() as port, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = _page(chromium, port, width=1200, height=800, color_scheme="light")
        for question in EARLIER:
            _ask(page, question)
            expect_state(page, "complete")
        _ask(page, QUESTION)
        expect(prose(page)).to_contain_text(MIDDLE)
        _picture(page, "chat.png")
        expect_state(page, "complete")
        phone = _page(chromium, port, width=390, height=800, color_scheme="dark")
        phone.goto(page.url)
        expect_state(phone, "complete")
        _picture(phone, "phone.png")
        chromium.close()


@contextmanager
def demo_site():
    """A site that was just installed: no key, no provider of ours."""
    with ExitStack() as stack:
        directory = stack.enter_context(TemporaryDirectory())
        double = stack.enter_context(ProviderDouble())
        site = stack.enter_context(Site(double, directory))
        for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "CHAT_MODELS"):
            del site.environment[name]
        yield site.start()


def _page(chromium, port, *, width, height, color_scheme):
    context = chromium.new_context(
        base_url=f"http://127.0.0.1:{port}",
        viewport={"width": width, "height": height},
        color_scheme=color_scheme,
    )
    page = context.new_page()
    page.goto("/chat/")
    log_in(page)
    expect(page).to_have_url(re.compile("/chat/$"))
    return page


def _ask(page, question):
    page.goto("/chat/")
    send(page, question)
    expect(page).to_have_url(re.compile("/chat/[0-9a-f-]{36}/$"))


def _picture(page, name):
    path = DOCS / name
    page.screenshot(path=path, animations="disabled", caret="hide")
    if pngquant := shutil.which("pngquant"):
        subprocess.run([pngquant, "--force", "--output", path, "64", path], check=True)
    size = path.stat().st_size
    print(f"{path.relative_to(Path.cwd())}: {size:,} bytes")
    if size > LARGEST:
        sys.exit(f"{name} is too large")

"""No page has a fault that axe-core finds, in any state: light and wide, dark and narrow."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from ..double import ENDING, Stall, Status, Text, WaitFor, answer
from ..letters import newest_link
from ..site import free_port
from .browser import DESKTOP, PHONE, button, expect_state, log_in, prose, reply, send, stop_button

pytest_plugins = ["tests.live.browser"]
EVERYTHING = """\
# Heading

Text with `code`, **bold**, a [link](https://example.com) and ~~none~~.

- [x] done
- [ ] open

1. one
2. two

> quoted

| a | b |
|---|--:|
| 1 | 2 |

```python
def long_line():  # a comment
    return "x" * 100, 12345, None, "a line of code that is long enough to be scrolled sideways"
```

<b>raw</b> and $x^2$

---

The end.
"""


LIGHT_AND_WIDE, DARK_AND_NARROW = ("light", DESKTOP), ("dark", PHONE)
PATHS = [
    "/chat/",
    "/chat/archived/",
    "/chat/presets/",
    "/accounts/",
    "/accounts/password_change/",
    "/accounts/password_change/done/",
    "/nowhere/",
]


@pytest.fixture
def page(visits):
    """A page that lets axe in, and in which nothing is half faded in."""
    visits.expected.append("status of 404")
    page = visits.begin(bypass_csp=True, reduced_motion="reduce")
    page.goto("/chat/")
    return page


def expect_no_fault(page):
    """In both of its looks. It is left light and wide."""
    for look in (DARK_AND_NARROW, LIGHT_AND_WIDE):
        show(page, look)
        found = Axe().run(page)
        assert not found.violations_count, f"{page.url}, {look}\n{found.generate_report()}"


def show(page, look):
    scheme, size = look
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)


def test_no_page_has_a_fault(page):
    for path in PATHS:
        page.goto(path)
        expect_no_fault(page)


def test_login_has_no_fault(page):
    page.context.clear_cookies()
    page.goto("/accounts/login/")
    expect_no_fault(page)
    button(page, "Log in").click()
    expect_no_fault(page)
    log_in(page, password="wrong")
    expect(page.locator(".errorlist")).to_be_visible()
    expect_no_fault(page)


@pytest.mark.parametrize("locale", ["de-DE", "fr-FR"])
def test_a_conversation_in_another_language_has_no_fault(visits, locale):
    page = visits.begin(locale=locale, bypass_csp=True, reduced_motion="reduce")
    page.goto("/chat/")
    expect(page.locator("html")).to_have_attribute("lang", locale[:2])
    expect_no_fault(page)
    page.locator("#message").fill("Hello")
    page.locator("#message").press("Enter")
    expect_state(page, "complete")
    page.locator("#conversation-menu > summary").click()
    for part in page.locator("#conversation-menu details > summary").all():
        part.click()
    expect_no_fault(page)


@pytest.fixture(scope="module")
def letters(tmp_path_factory):
    return tmp_path_factory.mktemp("letters")


@pytest.fixture(scope="module")
def site_with_mail(new_live_site, letters):
    """The address of a site that writes its mail into files."""
    mail = {"EMAIL_URL": f"filemail:///{letters}", "DJANGO_SUPERUSER_EMAIL": "admin@example.com"}
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with new_live_site(**mail, SITE_URL=address) as site:
        site.start(port)
        yield address


def test_a_new_password_by_mail_has_no_fault(page, site_with_mail, letters):
    page.goto(f"{site_with_mail}/accounts/password_reset/")
    expect_no_fault(page)
    page.get_by_label("Email").fill("admin@example.com")
    button(page, "Send the link").click()
    expect(page.get_by_role("heading", name="Check your email")).to_be_visible()
    expect_no_fault(page)
    link = newest_link(letters)
    page.goto(link)
    expect_no_fault(page)
    for field in page.get_by_label(re.compile("^New password")).all():
        field.fill("battery staple")
    button(page, "Save").click()
    expect(page.get_by_role("heading", name="Your password is changed")).to_be_visible()
    expect_no_fault(page)
    page.goto(link)
    expect(
        page.get_by_role("heading", name="This link has expired or was already used")
    ).to_be_visible()
    expect_no_fault(page)


def test_a_conversation_has_no_fault_at_any_time(page, model, gate):
    model.script(Text(EVERYTHING), WaitFor(gate), *ENDING)
    send(page)
    expect(prose(page)).to_contain_text("The end.")
    expect_no_fault(page)
    gate.set()
    expect_state(page, "complete")
    expect_no_fault(page)


def test_replies_that_ended_early_have_no_fault(page, model):
    model.script(Status(401))
    send(page)
    expect_state(page, "failed")
    model.script(Stall())
    send(page, "More")
    expect(stop_button(page)).to_be_visible()
    expect_no_fault(page)
    stop_button(page).click()
    expect_state(page, "stopped")
    expect_no_fault(page)


def test_the_list_of_shortcuts_has_no_fault(page):
    page.locator("main").press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    expect_no_fault(page)


def test_a_message_that_waits_has_no_fault(page, visits, model, gate):
    visits.expected.append("status of 403")
    model.script(Text("one "), WaitFor(gate), *ENDING)
    send(page)
    expect(prose(page)).to_have_text("one")
    page.locator(".composer [name=csrfmiddlewaretoken]").evaluate("input => input.value = 'no'")
    send(page, "Second")
    expect(button(page, "Edit again")).to_be_visible()
    expect_no_fault(page)
    gate.set()
    expect(button(page, "Try again")).to_be_visible()
    expect_no_fault(page)


def test_a_message_that_was_refused_has_no_fault(page, model):
    model.script(*answer("Yes."))
    send(page, "x" * 32_001)
    expect(page.locator("#message-error")).not_to_be_empty()
    expect_no_fault(page)


def test_a_notice_has_no_fault(page, model):
    """A page without script asks to continue a reply that is complete."""
    send(page)
    expect_state(page, "complete")
    address = reply(page).get_attribute("data-url") + "continue"
    token = next(each["value"] for each in page.context.cookies() if each["name"] == "csrftoken")
    page.context.request.post(address, headers={"X-CSRFToken": token}, max_redirects=0)
    page.reload()
    expect(page.get_by_text("This reply has changed meanwhile")).to_be_visible()
    expect_no_fault(page)


def test_keeping_and_finding_have_no_fault(page):
    send(page, "Tell me of pelicans")
    expect_state(page, "complete")
    page.locator("#conversation-menu > summary").click()
    expect_no_fault(page)
    button(page, "Archive").click()
    page.goto("/chat/archived/")
    expect_no_fault(page)
    page.goto("/chat/search?q=pelicans")
    expect_no_fault(page)


def test_the_instruction_of_a_new_chat_has_no_fault(page):
    page.locator(".instruction summary").click()
    expect(page.get_by_role("textbox", name="Instructions")).to_be_visible()
    expect_no_fault(page)


def test_the_open_menus_have_no_fault(page):
    send(page)
    expect_state(page, "complete")
    menu = page.locator("#conversation-menu")
    menu.locator("summary").first.click()
    for part in ("Instructions", "Share"):
        menu.locator("summary").filter(has_text=part).click()
    expect_no_fault(page)
    page.keyboard.press("Escape")
    page.locator(".account > summary").click()
    expect(page.get_by_label("Language")).to_be_visible()
    expect_no_fault(page)


def test_the_open_drawer_has_no_fault(page):
    show(page, DARK_AND_NARROW)
    button(page, "Chats").click()
    page.locator(".account > summary").click()
    expect(page.get_by_label("Language")).to_be_visible()
    expect_no_fault(page)


def test_the_pages_of_presets_have_no_fault(page, visits):
    visits.expected.append("status of 400")
    page.goto("/chat/presets/")
    fields, name = ("Name", "Instructions"), "Plain"
    for label, text in zip(fields, (name, "Be brief."), strict=True):
        page.get_by_label(label).fill(text)
    page.get_by_label("Model").select_option("double-2")
    button(page, "Add").click()
    expect(page.get_by_role("status")).to_have_text(f"Saved “{name}”.")
    expect_no_fault(page)
    for label in fields:
        page.get_by_label(label).fill(" ")
    button(page, "Add").click()
    expect(page.locator(".errorlist").first).to_be_visible()
    expect_no_fault(page)
    page.get_by_role("link", name=name).click()
    expect_no_fault(page)


def test_a_deleted_conversation_has_no_fault(page):
    send(page, "Hello")
    expect_state(page, "complete")
    other = page.context.new_page()
    other.goto(page.url)
    page.locator("#conversation-menu > summary").click()
    button(page, "Delete").click()
    expect(button(page, "Undo")).to_be_visible()
    expect_no_fault(page)
    expect(button(other, "Undo")).to_be_visible()
    expect_no_fault(other)


def test_versions_and_their_making_have_no_fault(page):
    send(page)
    expect_state(page, "complete")
    button(page, "Regenerate").click()
    expect(button(page, "double-2")).to_be_visible()
    expect_no_fault(page)
    button(page, "double-2").click()
    expect(page.get_by_role("group", name="Version 2 of 2")).to_be_visible()
    page.get_by_role("link", name="Edit").click()
    expect(page.locator(".editing")).to_be_visible()
    expect_no_fault(page)


def test_a_rated_reply_and_a_shared_copy_have_no_fault(page, model):
    model.script(*answer(EVERYTHING))
    send(page)
    expect_state(page, "complete")
    button(reply(page), "Good reply").click()
    expect(reply(page).locator(".feedback textarea")).to_be_visible()
    page.locator("summary[aria-label='More']").click()
    page.get_by_text("Share", exact=True).click()
    button(page, "Make a link").click()
    link = page.get_by_role("textbox", name="Link")
    expect(link).to_be_visible()
    expect_no_fault(page)
    page.goto(link.input_value())
    expect_no_fault(page)

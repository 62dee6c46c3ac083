"""What the page says when things are not as usual, and offers then. Nothing typed is lost."""

import re

import pytest
from playwright.sync_api import expect

from ..double import Status
from ..site import free_port
from .browser import box, expect_state, prose, reply, send, trouble

pytest_plugins = ["tests.live.browser"]
NEW = re.compile("/chat/$")
NEW_POST = re.compile(r"/chat/\?as=html$")


@pytest.fixture
def without_models(live_site):
    """The port of a process whose provider does not answer."""
    before = dict(live_site.environment)
    live_site.environment["OPENAI_BASE_URL"] = f"http://127.0.0.1:{free_port()}/v1"
    live_site.environment["CHAT_MODELS"] = ""
    port = live_site.start()
    live_site.environment.clear()
    live_site.environment.update(before)
    yield port
    live_site.kill(port)


def test_a_new_chat_says_what_to_do(page):
    expect(page.get_by_role("heading", name="What is on your mind?")).to_be_visible()
    expect(box(page)).to_be_focused()


def test_a_model_that_cannot_be_reached_is_told_before_sending(visits, without_models):
    visits.expected.append("status of 503")
    page = visits.begin(port=without_models)
    page.goto("/chat/")
    expect(page.get_by_text("Nothing answers at the provider's address.")).to_be_visible()
    send(page, "Kept")
    expect(trouble(page)).to_have_text(
        "The model's server cannot be reached. Try again in a moment."
    )
    page.get_by_role("link", name="Try again").click()
    expect(box(page)).to_have_value("Kept")


def test_a_failed_reply_says_why_and_offers_another(page, model):
    model.script(Status(401))
    send(page)
    expect_state(page, "failed")
    told = "The provider refused the key. Check OPENAI_API_KEY."  # staff, as this person is
    expect(reply(page).locator(".note")).to_have_text(told)
    expect(reply(page).get_by_role("button", name="Try again")).to_be_visible()


def test_who_is_offline_is_told_so(page, visits):
    visits.expected.append("ERR_INTERNET_DISCONNECTED")
    box(page).fill("Kept")
    page.context.set_offline(True)
    box(page).press("Enter")
    expect(trouble(page)).to_have_text("You are offline. Your message is sent when you are back.")
    page.context.set_offline(False)
    expect(prose(page)).to_contain_text("You said: Kept.")


def test_the_offline_note_leaves_by_itself(page, visits, model):
    visits.expected.append("ERR_INTERNET_DISCONNECTED")
    model.script(Status(401), times=1)
    send(page)
    expect_state(page, "failed")
    page.context.set_offline(True)
    reply(page).get_by_role("button", name="Try again").click()
    note = reply(page).locator(".trouble")
    expect(note).to_contain_text("You are offline.")
    page.context.set_offline(False)
    expect(note).to_be_empty()


def test_keys_do_no_harm_offline(page, visits):
    visits.expected.append("ERR_INTERNET_DISCONNECTED")
    page.context.set_offline(True)
    box(page).evaluate("box => box.blur()")
    page.keyboard.press("?")
    box(page).press_sequentially("Kept")
    expect(box(page)).to_have_value("Kept")


def test_a_deleted_conversation_leads_to_a_new_one(page, visits, admin):
    visits.expected.append("status of 404")
    send(page)
    expect_state(page, "complete")
    _delete(admin, page.url)
    send(page, "Not lost")
    expect(trouble(page)).to_contain_text("This chat was deleted.")
    trouble(page).get_by_role("link", name="New chat").click()
    expect(page).to_have_url(NEW)
    expect(box(page)).to_have_value("Not lost")


def _delete(admin, url):
    pk = url.rstrip("/").rpartition("/")[2]
    status, _ = admin.post(f"/admin/chat/conversation/{pk}/delete/", post="yes")
    assert status == 302


def test_the_page_of_a_deleted_conversation_leads_to_a_new_one(page, visits, admin):
    visits.expected.append("status of 404")
    url = admin.ask("Hello")["conversation"]["url"]
    _delete(admin, url)
    page.goto(url)
    expect(page.get_by_role("heading")).to_have_text("There is nothing here")
    page.get_by_role("link", name="Go to the chat").click()
    expect(page).to_have_url(NEW)


def test_what_is_sent_is_seen_to_be_under_way(page):
    page.route(NEW_POST, lambda route: None, times=1)
    send(page, "Slow")
    animation = "send => getComputedStyle(send).animationName"
    assert page.locator(".send").evaluate(animation) == "breathe"

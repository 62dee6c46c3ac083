"""The instruction of a conversation, and presets to begin with."""

import pytest
from playwright.sync_api import expect

from .browser import DESKTOP, PHONE, box, button, expect_state, reply, send

pytest_plugins = ["tests.live.browser"]


@pytest.fixture(scope="module", autouse=True)
def poet(admin):
    """A preset with a model that is not the default."""
    status, _ = admin.post("/chat/presets/", name="Poet", instruction="Rhyme.", model="double-2")
    assert status == 303


@pytest.fixture
def begun(page):
    """A conversation that was answered."""
    send(page)
    expect_state(page, "complete")
    return page


def open_instruction(page):
    page.locator(".instruction summary").click()
    return page.get_by_role("textbox", name="Instructions")


def open_menu(page):
    page.locator("#conversation-menu > summary").click()
    return open_instruction(page)


def choose(page, name):
    page.get_by_label("Or choose one of your presets").select_option(name)


def sent(model):
    """The instruction and the model of the last request."""
    body = model.requests[-1].body
    return body["messages"][0]["content"], body["model"]


def test_a_preset_writes_its_instruction_and_selects_its_model(page):
    instruction = open_instruction(page)
    choose(page, "Poet")
    expect(instruction).to_have_value("Rhyme.")
    expect(page.get_by_label("Model")).to_have_value("double-2")


def test_none_brings_back_what_was_written(page):
    instruction = open_instruction(page)
    instruction.fill("Be brief.")
    choose(page, "Poet")
    expect(instruction).to_have_value("Rhyme.")
    choose(page, "None")
    expect(instruction).to_have_value("Be brief.")
    expect(page.get_by_label("Model")).to_have_value("double-1")


def test_what_stands_there_is_sent(page, model):
    instruction = open_instruction(page)
    choose(page, "Poet")
    expect(instruction).to_have_value("Rhyme.")
    instruction.fill("Rhyme twice.")
    page.get_by_label("Model").select_option("double-1")
    send(page)
    expect_state(page, "complete")
    assert sent(model) == ("Rhyme twice.", "double-1")


def test_a_preset_that_cannot_be_shown_is_taken_all_the_same(page, visits, model):
    visits.expected.append("ERR_FAILED")
    page.route("**/chat/presets/*/", lambda route: route.abort())
    open_instruction(page)
    choose(page, "Poet")
    expect(page.locator("#message-error")).to_contain_text("could not be reached")
    send(page)
    expect_state(page, "complete")
    assert sent(model) == ("Rhyme.", "double-2")


def test_without_script_a_preset_is_taken_with_its_model(visits, model):
    page = visits.begin(java_script_enabled=False)
    page.goto("/chat/")
    open_instruction(page)
    choose(page, "Poet")
    box(page).fill("Hello")
    button(page, "Send").click()
    expect(reply(page).locator("footer")).to_contain_text("double-2")
    assert sent(model) == ("Rhyme.", "double-2")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["wide", "narrow"])
def test_the_heading_stays_where_it_is_when_the_instruction_opens(visits, viewport):
    page = visits.begin(viewport=viewport)
    page.goto("/chat/")
    heading = page.get_by_role("heading", level=1)
    before = heading.bounding_box()
    expect(open_instruction(page)).to_be_visible()
    assert heading.bounding_box() == before


def test_a_conversation_is_instructed_in_its_menu(begun, model):
    open_menu(begun).fill("Be brief.")
    button(begun, "Save").click()
    expect(begun.get_by_text("With instructions")).to_be_visible()
    expect(begun.locator("#conversation-menu > summary")).to_be_focused()
    expect(begun.locator("#status")).to_have_text("Saved")
    send(begun, "More")
    expect(begun.locator("article")).to_have_count(4)
    expect_state(begun, "complete")
    assert sent(model) == ("Be brief.", "double-1")


def test_a_preset_is_taken_in_the_menu(begun):
    instruction = open_menu(begun)
    choose(begun, "Poet")
    expect(instruction).to_have_value("Rhyme.")
    button(begun, "Save").click()
    expect(begun.get_by_text("With instructions")).to_be_visible()
    begun.reload()
    expect(open_menu(begun)).to_have_value("Rhyme.")


def test_an_instruction_that_is_too_long_is_refused_where_it_stands(begun, visits):
    visits.expected.append("status of 400")
    instruction = open_menu(begun)
    instruction.evaluate("box => box.removeAttribute('maxlength')")
    instruction.fill("x" * 8_001)
    button(begun, "Save").click()
    expect(begun.locator(".instruction .trouble")).to_contain_text("longer than the 8000")


def test_an_instruction_becomes_a_preset_that_is_changed_and_deleted(begun):
    open_menu(begun).fill("Answer in French.")
    button(begun, "Save").click()
    expect(begun.locator("#status")).to_have_text("Saved")
    begun.locator("#conversation-menu > summary").click()
    begun.get_by_role("link", name="Save as preset").click()
    begun.get_by_label("Name").fill("Français")
    button(begun, "Add").click()
    begun.get_by_role("link", name="Français").click()
    expect(begun.get_by_label("Instructions")).to_have_value("Answer in French.")
    begun.get_by_label("Name").fill("Parisien")
    button(begun, "Save").click()
    begun.get_by_role("link", name="Parisien").click()
    button(begun, "Delete this preset").click()
    expect(begun.get_by_role("status")).to_have_text("Deleted “Parisien”.")
    expect(begun.get_by_role("link", name="Parisien")).to_have_count(0)

"""Coming in, going out, and a new password."""

import re

import pytest
from playwright.sync_api import expect

from ..double import Stall, Text
from ..site import PASSWORD
from .browser import box, button, log_in, prose, send, trouble

pytest_plugins = ["tests.live.browser"]
NEW_PASSWORD = "battery staple"
NEW = re.compile("^New password:?$")


@pytest.fixture
def stranger(visits):
    """A page in which nobody is logged in."""
    return visits.begin(logged_in=False)


@pytest.fixture(scope="module")
def ben(admin):
    """A second account."""
    return add_account(admin, "ben")


def add_account(admin, name):
    passwords = {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    admin.post("/admin/auth/user/add/", username=name, **passwords)
    return name


def test_a_password_is_shown_on_demand(stranger, visits):
    stranger.goto("/accounts/login/")
    expect(stranger.get_by_role("link", name="Parley")).to_be_visible()
    expect(stranger.locator("main.card")).to_be_visible()
    password, show = stranger.get_by_label("Password"), button(stranger, "Show password")
    password.fill(PASSWORD)
    password.press("Tab")
    expect(show).to_be_focused()
    stranger.keyboard.press("Space")
    expect(show).to_have_attribute("aria-pressed", "true")
    expect(password).to_have_attribute("type", "text")
    show.press("Enter")
    expect(password).to_have_attribute("type", "password")
    without = visits.begin(logged_in=False, java_script_enabled=False)
    without.goto("/accounts/login/")
    expect(without.get_by_label("Password")).to_be_visible()
    expect(without.locator("#show-password")).to_be_hidden()


def test_the_way_to_a_page_leads_through_login_and_on(stranger, admin):
    url = admin.ask("Hello")["conversation"]["url"]
    stranger.goto(url)
    expect(stranger).to_have_url(re.compile("/accounts/login/"))
    log_in(stranger)
    expect(stranger).to_have_url(re.compile(f"{url}$"))


def test_login_leads_to_a_new_conversation(stranger):
    stranger.goto("/accounts/login/")
    log_in(stranger)
    expect(stranger).to_have_url(re.compile("/chat/$"))
    expect(box(stranger)).to_be_focused()


def test_a_wrong_password_says_what_to_do(stranger):
    stranger.goto("/accounts/login/")
    log_in(stranger, password="wrong")
    alert = stranger.get_by_role("alert").filter(has_text="enter a correct username and password")
    expect(alert).to_be_visible()
    expect(stranger.get_by_label("Username")).to_have_value("admin")


def test_log_out_leads_to_login(stranger):
    stranger.goto("/accounts/login/")
    log_in(stranger)
    stranger.locator(".account summary").click()
    button(stranger, "Log out").click()
    expect(stranger).to_have_url(re.compile("/accounts/login/"))
    stranger.goto("/chat/")
    expect(button(stranger, "Log in")).to_be_visible()


def kept(page):
    """What the browser has of what people wrote."""
    storages = "({...localStorage, ...sessionStorage})"
    names = page.evaluate(
        f"Object.entries({storages}).filter(each => each[1]).map(each => each[0])"
    )
    return [name.partition(" ")[0] for name in names if " of " in name]


def write(page, model):
    """A message that waits for the reply before it, and a draft."""
    model.script(Text("one "), Stall(), when="First")
    for text in ("First", "Waits"):
        send(page, text)
        expect(prose(page)).to_have_text("one")
    box(page).fill("A draft")
    expect(page.locator("waiting-messages article")).to_have_count(1)


def test_logging_out_takes_what_was_not_sent_in_all_tabs(stranger, visits, model):
    visits.expected.append("status of 401")  # of a tab that asks for something at that moment
    stranger.goto("/accounts/login/")
    log_in(stranger)
    write(stranger, model)
    other = stranger.context.new_page()
    other.goto("/chat/")
    assert sorted(set(kept(stranger))) == ["draft", "waiting"]
    other.locator(".account summary").click()
    button(other, "Log out").click()
    for page in (other, stranger):
        expect(page).to_have_url(re.compile(r"/accounts/login/\?left$"))
        page.wait_for_function("!Object.keys(sessionStorage).length")
        assert kept(page) == []


def test_who_logs_in_after_somebody_else_finds_nothing_of_theirs(stranger, visits, model, admin):
    visits.expected.append("status of 401")
    stranger.goto("/accounts/login/")
    log_in(stranger)
    write(stranger, model)
    stranger.context.clear_cookies(name="sessionid")
    come(stranger, add_account(admin, "dora"))
    expect(box(stranger)).to_have_value("")
    assert kept(stranger) == []


def test_a_password_can_be_changed(stranger, ben):
    stranger.goto("/accounts/login/")
    log_in(stranger, ben)
    stranger.locator(".account summary").click()
    stranger.get_by_role("link", name="Account").click()
    stranger.get_by_role("link", name="Change password").click()
    stranger.get_by_label("Old password").fill(PASSWORD)
    stranger.get_by_label(NEW).fill(NEW_PASSWORD)
    stranger.get_by_label("New password confirmation").fill(NEW_PASSWORD)
    button(stranger, "Change password").click()
    expect(stranger.get_by_role("heading")).to_have_text("Your password is changed")
    stranger.context.clear_cookies()
    stranger.goto("/accounts/login/")
    log_in(stranger, ben, NEW_PASSWORD)
    expect(stranger).to_have_url(re.compile("/chat/$"))


def test_a_bad_new_password_says_why(page):
    page.goto("/accounts/password_change/")
    page.get_by_label("Old password").fill(PASSWORD)
    page.get_by_label(NEW).fill("12345")
    page.get_by_label("New password confirmation").fill("12345")
    button(page, "Change password").click()
    expect(page.get_by_text("This password is too short.")).to_be_visible()


def test_who_was_logged_out_elsewhere_is_told_and_loses_nothing(stranger, visits):
    visits.expected.append("status of 401")
    stranger.goto("/accounts/login/")
    log_in(stranger)
    stranger.context.clear_cookies(name="sessionid")
    send(stranger, "Not lost")
    expect(trouble(stranger)).to_contain_text("You have been logged out.")
    expect(box(stranger)).to_have_value("Not lost")
    trouble(stranger).get_by_role("link", name="Log in again").click()
    log_in(stranger)
    expect(box(stranger)).to_have_value("Not lost")
    box(stranger).press("Enter")
    expect(prose(stranger)).to_contain_text("You said: Not lost.")


# Preferences


@pytest.fixture
def cleo(stranger, admin):
    """The page of somebody who may choose what no other test minds."""
    return come(stranger, add_account(admin, "cleo"))


def come(page, name):
    page.goto("/accounts/login/")
    log_in(page, name)
    expect(page).to_have_url(re.compile("/chat/$"))
    return page


def choose_theme(page, theme):
    """Chooses it in the account's menu, and waits until it is kept."""
    if not page.locator("#theme").is_visible():
        page.locator(".account summary").click()
    with page.expect_response("**/chat/preferences*"):
        page.locator("#theme").select_option(theme)


def background(page):
    return page.locator("html").evaluate("html => getComputedStyle(html).backgroundColor")


def test_a_theme_applies_at_once(cleo):
    choose_theme(cleo, "")
    light = background(cleo)
    choose_theme(cleo, "dark")
    assert background(cleo) != light
    expect(cleo.locator("meta[name=color-scheme]")).to_have_attribute("content", "dark")
    choose_theme(cleo, "light")
    assert background(cleo) == light


def test_a_theme_stays(cleo, visits):
    choose_theme(cleo, "dark")
    cleo.reload()
    expect(cleo.locator("html")).to_have_attribute("data-theme", "dark")
    elsewhere = come(visits.begin(logged_in=False), "cleo")
    expect(elsewhere.locator("html")).to_have_attribute("data-theme", "dark")


def test_a_theme_that_cannot_be_kept_is_said(cleo, visits):
    visits.expected.append("ERR_FAILED")
    cleo.locator(".account summary").click()
    cleo.route("**/chat/preferences*", lambda route: route.abort())
    cleo.locator("#theme").select_option("dark")
    expect(cleo.locator(".preferences .trouble")).to_contain_text("could not be reached")

"""The screens of coming in and of passwords."""

import re

from playwright.sync_api import expect

from ...live.browser import button, log_in
from .world import EMAIL

NEW_PASSWORD = re.compile("^New password")


def login(visit):
    return visit.page(None, "/accounts/login/")


def login_wrong(visit):
    page = visit.page(None, "/accounts/login/")
    log_in(page, password="wrong")
    expect(page.locator(".errorlist")).to_be_visible()
    return page


def login_without_script(visit):
    return visit.page(None, "/accounts/login/", java_script_enabled=False)


def login_german(visit):
    return visit.page(None, "/accounts/login/", locale="de-DE")


def login_french(visit):
    return visit.page(None, "/accounts/login/", locale="fr-FR")


def login_tabbed(visit):
    page = visit.page(None, "/accounts/login/")
    page.get_by_role("button", name="Log in").focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    return page


def reset(visit):
    return visit.page(None, "/accounts/password_reset/")


def reset_sent(visit):
    page = reset(visit)
    page.get_by_label("Email").fill(EMAIL)
    button(page, "Send the link").click()
    expect(page.get_by_role("heading", name="Check your email")).to_be_visible()
    return page


def reset_confirm(visit):
    page = reset_sent(visit)
    page.goto(visit.world.reset_link())
    return page


def reset_confirm_wrong(visit):
    page = reset_confirm(visit)
    for field in page.get_by_label(NEW_PASSWORD).all():
        field.fill("123")
    button(page, "Save").click()
    expect(page.locator(".errorlist").first).to_be_visible()
    return page


def reset_done(visit):
    return visit.page(None, "/accounts/reset/done/")


def reset_invalid(visit):
    return visit.page(None, "/accounts/reset/NA/bad-link/")


def password_change(visit):
    return visit.page("ana", "/accounts/password_change/")


def password_change_wrong(visit):
    page = password_change(visit)
    for field in page.locator("input[type=password]").all():
        field.fill("123")
    button(page, "Change password").click()
    expect(page.locator(".errorlist").first).to_be_visible()
    return page


def password_changed(visit):
    return visit.page("ana", "/accounts/password_change/done/")


SCREENS = (
    login,
    login_wrong,
    login_without_script,
    login_tabbed,
    login_german,
    login_french,
    reset,
    reset_sent,
    reset_confirm,
    reset_confirm_wrong,
    reset_done,
    reset_invalid,
    password_change,
    password_change_wrong,
    password_changed,
)

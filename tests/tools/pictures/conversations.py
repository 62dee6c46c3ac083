"""The screens of a conversation: new, written, going wrong, and what is done with its messages."""

from playwright.sync_api import expect

from ...live.browser import box, button, expect_state, prose, reply, send, stop_button, trouble
from . import texts

TRY = "Explain Raft as if I ran a bakery"
ZOOMED = {"width": 320, "height": 256}  # 1280 by 1024 at 400 %


def new(visit):
    return visit.page("cleo", "/chat/")


def new_among_others(visit):
    return visit.page("ana", "/chat/")


def new_instruction(visit):
    page = new_among_others(visit)
    page.locator(".instruction summary").click()
    page.get_by_role("textbox", name="Instructions").fill(texts.PRESETS[0][1])
    return page


def new_draft(visit):
    page = new_among_others(visit)
    box(page).fill(texts.DRAFT)
    return page


def new_demo(visit):
    page = visit.page("cleo", "/chat/", port=visit.world.demo())
    page.locator(".demo summary").click()
    return page


def new_no_provider(visit):
    return visit.page("cleo", "/chat/", port=visit.world.lonely())


def new_too_long(visit):
    page = new(visit)
    send(page, "a word " * 5_000)
    expect(trouble(page)).not_to_be_empty()
    return page


def new_too_many(visit):
    visit.world.ask(visit.world.person("dora"), TRY)
    page = visit.page("dora", "/chat/", port=visit.world.strict())
    send(page, TRY)
    expect(trouble(page)).not_to_be_empty()
    return page


def new_offline(visit):
    page = new(visit)
    box(page).fill(TRY)
    page.context.set_offline(True)
    box(page).press("Enter")
    expect(trouble(page)).not_to_be_empty()
    return page


def new_logged_out(visit):
    page = new(visit)
    page.context.clear_cookies(name="sessionid")
    send(page, TRY)
    expect(trouble(page)).to_contain_text("logged out")
    return page


def new_without_script(visit):
    return visit.page("ana", "/chat/", java_script_enabled=False)


def new_zoomed(visit):
    return visit.page("ana", "/chat/", viewport=ZOOMED)


def new_german(visit):
    return visit.page("ana", "/chat/", locale="de-DE")


def new_french(visit):
    return visit.page("ana", "/chat/", locale="fr-FR")


def _talk(visit, *questions, **options):
    """The page of a conversation of ana's in which this was asked."""
    world, ana = visit.world, visit.world.person("ana")
    url = "/chat/"
    for question in questions:
        url = world.ask(ana, question, url)
    return visit.page("ana", url, **options)


def _live(visit, question):
    """The page of somebody who asks."""
    page = visit.page("ana", "/chat/")
    send(page, question)
    return page


def _path(page):
    return page.url[page.url.index("/chat/") :]


def conversation(visit):
    return _talk(visit, texts.QUESTION, TRY)


def whole_markdown(visit):
    return _talk(visit, "Everything that Markdown can do")


def whole_markdown_without_script(visit):
    return _talk(visit, "Everything that Markdown can do", java_script_enabled=False)


def whole_markdown_zoomed(visit):
    return _talk(visit, "Everything that Markdown can do", viewport=ZOOMED)


def whole_print(visit):
    page = _talk(visit, "Everything that Markdown can do")
    page.emulate_media(media="print")
    return page


def conversation_above(visit):
    page = _talk(visit, "Everything that Markdown can do")
    page.wait_for_function("scrollTo(0, 600) || !document.getElementById('newest').hidden")
    return page


def conversation_zoomed(visit):
    return _talk(visit, TRY, viewport=ZOOMED)


def conversation_german(visit):
    return _talk(visit, TRY, locale="de-DE")


def conversation_french(visit):
    return _talk(visit, TRY, locale="fr-FR")


def long_words(visit):
    return _talk(visit, texts.LONG_QUESTION)


def right_to_left(visit):
    return _talk(visit, texts.ARABIC_QUESTION)


def waiting(visit):
    page = _live(visit, "Waiting for an answer")
    expect_state(page, "waiting")
    return page


def thinking(visit):
    page = _live(visit, "Long thoughts about Raft")
    page.locator(".thoughts summary").last.click()
    return page


def streaming(visit):
    page = _live(visit, "Streaming an answer")
    expect(prose(page)).to_contain_text("nothing is")
    return page


def queued(visit):
    page = streaming(visit)
    send(page, "And how would the browser know that the connection is gone?")
    send(page, "One more thing")
    expect(page.locator("waiting-messages article")).to_have_count(2)
    return page


def stopped(visit):
    page = streaming(visit)
    stop_button(page).click()
    expect_state(page, "stopped")
    return page


def stopped_empty(visit):
    page = waiting(visit)
    stop_button(page).click()
    expect_state(page, "stopped")
    return page


def failed(visit):
    return _talk(visit, "Refused, for the key is wrong")


def failed_half_way(visit):
    return _talk(visit, "Cut in the middle")


def length(visit):
    return _talk(visit, "Length of a novel, please")


def filtered(visit):
    return _talk(visit, "Filtered words")


def _ended_as(visit, state):
    page = _talk(visit, "Length of a novel, please")
    visit.world.end_as(_path(page), state)
    page.reload()
    return page


def interrupted(visit):
    return _ended_as(visit, "interrupted")


def abandoned(visit):
    return _ended_as(visit, "abandoned")


def thoughts(visit):
    return _talk(visit, "Thinking about Raft")


def thoughts_open(visit):
    page = thoughts(visit)
    page.locator(".thoughts summary").last.click()
    return page


def versions(visit):
    page = _talk(visit, TRY)
    for number in (2, 3):
        button(page, "Regenerate").click()
        page.locator(".models menu button").first.click()
        expect(page.locator(".versions")).to_contain_text(f"{number}/{number}")
    button(page, "Previous version").click()
    expect(page.locator(".versions")).to_contain_text("2/3")
    return page


def regenerate_open(visit):
    page = _talk(visit, TRY)
    button(page, "Regenerate").click()
    expect(page.locator(".models menu")).to_be_visible()
    return page


def editing(visit):
    page = _talk(visit, TRY)
    page.locator(".from-user .edit").last.click()
    expect(page.locator(".editing")).to_be_visible()
    return page


def copied(visit):
    page = _talk(visit, TRY)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    reply(page).locator("footer .copy").click()
    expect(reply(page).locator("footer .copy")).to_contain_text("Copied")
    return page


def rated(visit):
    page = _talk(visit, TRY)
    button(page, "Bad reply").click()
    expect(page.locator(".feedback details")).to_be_visible()
    if not page.locator(".feedback textarea").is_visible():
        page.locator(".feedback summary").click()
    page.locator(".feedback textarea").fill("There are bakers in it, but no bread.")
    return page


def focused(visit):
    page = _talk(visit, TRY)
    reply(page).locator("footer .copy").focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    return page


def menu(visit):
    page = _talk(visit, TRY)
    page.locator("#conversation-menu > summary").click()
    return page


def menu_german(visit):
    page = _talk(visit, TRY, locale="de-DE")
    page.locator("#conversation-menu > summary").click()
    return page


def menu_instruction(visit):
    page = menu(visit)
    page.locator("#conversation-menu .instruction > summary").click()
    return page


def menu_share(visit):
    page = menu(visit)
    page.locator("#share-part > summary").click()
    return page


def menu_shared(visit):
    page = menu_share(visit)
    button(page, "Make a link").click()
    expect(page.get_by_role("textbox", name="Link")).to_be_visible()
    return page


def deleted(visit):
    page = menu(visit)
    page.locator("#conversation-menu").get_by_role("button", name="Delete").click()
    expect(page.locator(".messages")).to_be_visible()
    return page


def deleted_elsewhere(visit):
    page = _talk(visit, TRY)
    visit.world.person("ana").post(_path(page) + "delete")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#gone-notice")).to_be_visible()
    return page


SCREENS = (
    new,
    new_among_others,
    new_instruction,
    new_draft,
    new_demo,
    new_no_provider,
    new_too_long,
    new_too_many,
    new_offline,
    new_logged_out,
    new_without_script,
    new_zoomed,
    new_german,
    new_french,
    conversation,
    conversation_above,
    conversation_zoomed,
    conversation_german,
    conversation_french,
    whole_markdown,
    whole_markdown_without_script,
    whole_markdown_zoomed,
    whole_print,
    long_words,
    right_to_left,
    waiting,
    thinking,
    streaming,
    queued,
    stopped,
    stopped_empty,
    failed,
    failed_half_way,
    length,
    filtered,
    interrupted,
    abandoned,
    thoughts,
    thoughts_open,
    versions,
    regenerate_open,
    editing,
    copied,
    rated,
    focused,
    menu,
    menu_german,
    menu_instruction,
    menu_share,
    menu_shared,
    deleted,
    deleted_elsewhere,
)

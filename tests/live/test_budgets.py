"""What a first visit costs, and what a page may load and run."""

import json
import re

import pytest
from playwright.sync_api import expect

from ..double import ENDING, Text, WaitFor, answer
from .browser import PHONE, Visits, box, expect_state, in_use, send

pytest_plugins = ["tests.live.browser"]
TOTAL = 60 * 1024  # bytes over the wire
SCRIPT = 20 * 1024  # bytes over the wire
REQUESTS = 8
REPLY = "# Title\n\n" + "Some words of a reply. " * 200 + "\n\n```python\nprint(1)\n```\n"


@pytest.fixture(scope="module")
def conversation(admin, running_model):
    running_model.script(*answer(REPLY), when="A long answer, please", times=1)
    asked = admin.ask("A long answer, please")
    admin.wait_settled(asked)
    return asked["conversation"]["url"]


@pytest.fixture(scope="module")
def first_load(running_chromium, live_port, admin, conversation, tmp_path_factory):
    """What the network carried for the first page that a browser opens."""
    with in_use(running_chromium) as chromium:
        visits = Visits(chromium, live_port, admin.cookies, tmp_path_factory.mktemp("screenshots"))
        page = visits.begin(viewport=PHONE)  # without a pointer, which may prepare for a click
        loads = listen(page)
        page.goto(conversation, wait_until="networkidle")
        expect(page.get_by_role("textbox", name="Message")).to_be_visible()
        visits.end()
    return [load for load in loads.values() if not load["request"]["url"].startswith("data:")]


def listen(page):
    """The loads of a page from now on, as Chrome's DevTools protocol tells of them."""
    loads = {}
    wire = page.context.new_cdp_session(page)
    wire.on("Network.requestWillBeSent", lambda event: loads.update({event["requestId"]: event}))
    wire.on("Network.loadingFinished", lambda event: loads[event["requestId"]].update(event))
    wire.send("Network.enable")
    return loads


def test_the_first_load_is_small(first_load):
    sizes = {load["request"]["url"]: load["encodedDataLength"] for load in first_load}
    assert sum(sizes.values()) <= TOTAL, sizes


def test_its_script_is_small(first_load):
    scripts = [load for load in first_load if load["request"]["url"].endswith(".js")]
    sizes = {load["request"]["url"]: load["encodedDataLength"] for load in scripts}
    assert scripts and sum(sizes.values()) <= SCRIPT, sizes


def test_it_takes_few_requests(first_load):
    urls = [load["request"]["url"] for load in first_load]
    assert len(urls) <= REQUESTS, urls


def test_it_loads_from_no_other_host(first_load, live_port):
    home = f"http://127.0.0.1:{live_port}/"
    urls = [load["request"]["url"] for load in first_load]
    assert urls and all(url.startswith(home) for url in urls)


def test_a_second_page_loads_no_file_again(page, conversation):
    page.goto(conversation, wait_until="networkidle")
    loads = listen(page)
    page.goto(conversation, wait_until="networkidle")
    files = [load for load in loads.values() if "/static/" in load["request"]["url"]]
    assert files and not any(load["encodedDataLength"] for load in files), files


@pytest.mark.parametrize("path", ["/chat/", "/accounts/login/", "/nowhere/"])
def test_nothing_inline_and_nothing_from_elsewhere_may_run(visits, path):
    visits.expected.append("status of 404")
    page = visits.begin()
    policy = page.goto(path).headers["content-security-policy"]
    directives = dict(each.strip().partition(" ")[::2] for each in policy.split(";"))
    assert "unsafe" not in policy
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == "'self'"


@pytest.mark.parametrize("path", ["/chat/", "/accounts/login/", "/accounts/password_change/"])
def test_no_page_has_inline_script_or_style(page, path):
    html = page.context.request.get(path).text()
    assert not re.search(
        r"<script(?![^>]* src=)|<style|<[^>]*\s(style|on\w+)=|<[^>]*javascript:", html
    )


PIECES = 400
COUNT = """
window.work = { times: 0, nodes: 0 };
new MutationObserver((records) => {
  work.times += 1;
  for (const { addedNodes } of records) work.nodes += addedNodes.length;
}).observe(
  document.querySelector("chat-transcript"),
  { subtree: true, childList: true, characterData: true },
);
"""


def test_a_reply_that_is_written_leaves_the_page_idle(page, conversation, model):
    """What is counted does not depend on the machine; the seconds are printed, for a look."""
    pieces = ["word " if number % 40 else "\n\nA *paragraph* " for number in range(PIECES)]
    model.script(Text(pieces=pieces, every=0.02), *ENDING)
    page.goto(conversation, wait_until="networkidle")
    page.evaluate(COUNT)
    wire = page.context.new_cdp_session(page)
    wire.send("Performance.enable")
    before = metrics(wire)
    send(page)
    expect_state(page, "streaming")
    expect(page.locator("article.from-model").last).to_have_attribute(
        "data-state", "complete", timeout=60_000
    )
    spent = {name: value - before[name] for name, value in metrics(wire).items()}
    work = page.evaluate("work")
    print(f"\n{work}, {spent}")
    assert work["times"] <= PIECES and work["nodes"] <= PIECES


MANY = 2_000  # elements, or boxes
RICH = (
    r"""# A title

Words with **bold**, `code`, [a link](https://example.com/) and $x^2$.

1. one
2. two
   - three

| a | b | c |
|---|---|---|
| 1 | 2 | 3 |
| 4 | 5 | 6 |

```python
def f(x):
    return [each for each in range(100) if each == x or "none" in str(x)]
```

"""
    + "And one sentence follows the other. " * 40
)
SEED = f"""
from django.contrib.auth import get_user_model
from chat.models import Conversation, Message

user = get_user_model().objects.get(username="admin")
conversation = Conversation.objects.create(user=user, title="Rich")
messages = []
for position in range(50):
    role, state, text = [("user", "", "Go on"), ("assistant", "stopped", {RICH!r})][position % 2]
    messages.append(Message(
        conversation=conversation, parent=messages[-1] if messages else None,
        position=position, role=role, state=state, text=text,
    ))
Message.objects.bulk_create(messages)
Conversation.objects.filter(pk=conversation.pk).update(head=messages[-1])
print(conversation.get_absolute_url())
"""


def test_a_reply_leaves_what_is_above_it_alone(page, live_site, chromium, model, gate):
    """In a long conversation, neither a piece nor a key has the browser look at all of it."""
    page.goto(live_site.shell(SEED).strip(), wait_until="networkidle")
    far = page.locator("article.from-model").first.element_handle()
    is_left_out = "far => !far.firstElementChild.checkVisibility({ contentVisibilityAuto: true })"
    page.wait_for_function(is_left_out, arg=far)
    assert page.evaluate("document.querySelectorAll('chat-transcript *').length") > MANY
    paragraphs = [f"Paragraph *{number}*.\n\n" for number in range(20)]
    model.script(Text("Begun.\n\n"), WaitFor(gate), Text(pieces=paragraphs, every=0.05), *ENDING)
    send(page)
    expect_state(page, "streaming")
    chromium.start_tracing(page=page, categories=["devtools.timeline"])
    gate.set()
    box(page).press_sequentially("Meanwhile somebody writes.")
    expect(page.locator("article.from-model").last).to_have_attribute("data-state", "complete")
    events = json.loads(chromium.stop_tracing())["traceEvents"]
    styled = [
        each["args"]["elementCount"]
        for each in events
        if each["name"] == "UpdateLayoutTree" and "elementCount" in each["args"]
    ]
    laid_out = [
        each["args"]["beginData"]["totalObjects"]
        for each in events
        if each["name"] == "Layout" and "beginData" in each["args"]
    ]
    assert max(styled) < MANY and max(laid_out) < MANY, (sorted(styled), sorted(laid_out))


def metrics(wire):
    """Seconds of the main thread so far: all of it, and parts of it."""
    found = {each["name"]: each["value"] for each in wire.send("Performance.getMetrics")["metrics"]}
    return {name: found[name] for name in ("TaskDuration", "ScriptDuration", "LayoutDuration")}

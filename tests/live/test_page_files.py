"""Files dropped on the page or pasted: texts join the message, and none replaces the page."""

from playwright.sync_api import expect

from .browser import box, prose, send, trouble

pytest_plugins = ["tests.live.browser"]
PASTE = """([name, kind, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name, { type: kind }));
  const kinds = { clipboardData: data, bubbles: true, cancelable: true };
  return document.activeElement.dispatchEvent(new ClipboardEvent("paste", kinds));
}"""


# Whether the browser is kept from what it does with files: open them in a tab.
LISTEN = """() => {
  window.prevented = new Set();
  for (const kind of ["dragover", "drop"])
    addEventListener(kind, (event) => prevented.add(`${kind} ${event.defaultPrevented}`));
}"""


def drop(page, *files, at=(600, 200)):
    """As somebody who drags files from a folder, and lets go of them anywhere on the page."""
    wire = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(each) for each in files], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        place = {"type": kind, "x": at[0], "y": at[1], "data": data}
        wire.send("Input.dispatchDragEvent", place)


def test_texts_join_the_message_in_blocks_that_nothing_in_them_closes(page, model, tmp_path):
    (tmp_path / "plan.md").write_bytes(b"# Plan\r\n\r\n````python\r\npass\r\n````")
    (tmp_path / "héllo.py").write_text("print('héllo 👋')\n")
    box(page).fill("Look:")
    drop(page, tmp_path / "plan.md", tmp_path / "héllo.py")
    blocks = "plan.md:\n`````markdown\n# Plan\n\n````python\npass\n````\n`````\n"
    blocks += "héllo.py:\n```python\nprint('héllo 👋')\n```\n"
    expect(box(page)).to_have_value(f"Look:\n{blocks}")
    expect(box(page)).to_be_focused()
    box(page).press("Enter")
    expect(prose(page)).to_contain_text("You said: Look:")
    assert "```python\nprint('héllo 👋')\n```" in model.requests[0].prompt
    drop(page, tmp_path / "héllo.py")  # into a conversation, too
    expect(box(page)).to_have_value("héllo.py:\n```python\nprint('héllo 👋')\n```\n")


def test_other_files_are_named_with_the_reason(page, tmp_path):
    for name, content in {"cat.png": b"\x89PNG\r\n\0\0", "long.csv": b"1,2\n" * 9_000}.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder").mkdir()
    (tmp_path / "short.csv").write_text("1,2\n")
    box(page).fill("Kept")
    page.evaluate(LISTEN)
    drop(page, *(tmp_path / name for name in ("cat.png", "long.csv", "folder", "short.csv")))
    for sentence in (
        "“cat.png” is not a text file. Only text can be added here.",
        "“long.csv” is too long for one message. Add the part that matters.",
        "“folder” could not be read. If it is a folder, add the files in it.",
    ):
        expect(trouble(page)).to_contain_text(sentence)
    expect(box(page)).to_have_value("Kept\nshort.csv:\n```csv\n1,2\n```\n")
    assert page.evaluate("[...prevented]") == ["dragover true", "drop true"]


def test_a_page_without_a_message_stays_as_it_is(page, tmp_path):
    (tmp_path / "note.txt").write_text("Hello")
    page.goto("/chat/archived/")
    page.evaluate(LISTEN)
    drop(page, tmp_path / "note.txt")
    assert page.evaluate("[...prevented]") == ["dragover true"]  # and so there is no drop at all


def test_a_pasted_file_is_as_one_that_was_dropped(page):
    box(page).focus()
    assert page.evaluate(PASTE, ["note.txt", "text/plain", "Hello"]) is False
    expect(box(page)).to_have_value("note.txt:\n```\nHello\n```\n")
    page.evaluate(PASTE, ["cat.png", "image/png", "\0"])
    expect(trouble(page)).to_contain_text("“cat.png” is not a text file.")
    send(page, "Something else")
    expect(prose(page)).to_contain_text("You said: Something else.")

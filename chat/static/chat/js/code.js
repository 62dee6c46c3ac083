/* Copies a reply, or a code block in it, as plain text; wraps long lines of code. */

import { announce, ask, complain, words } from "./page.js";

const SAID_FOR = 2_000; // milliseconds

/** Handles a button of a reply or of its code. */
export function press(button) {
  if (button.matches(".wrap")) wrap(button);
  else copy(button);
}

function wrap(button) {
  const code = button.closest(".code-bar").nextElementSibling;
  button.setAttribute("aria-pressed", code.classList.toggle("is-wrapped"));
}

async function copy(button) {
  try {
    say(button, await write(textFor(button)) ? words.copied : words.notCopied);
  } catch (problem) {
    complain(button.closest("article"), problem);
  }
}

/** A promise, because a reply's source text is fetched from the server. */
async function textFor(button) {
  const bar = button.closest(".code-bar");
  if (bar) return bar.nextElementSibling.textContent;
  if (button.previousElementSibling?.matches("input")) return button.previousElementSibling.value;
  return (await ask(button.closest("article").dataset.url)).text;
}

async function write(text) {
  try {
    // Passes the promise instead of awaiting it: Safari writes only during the click.
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": text.then(asBlob) })]);
    return true;
  } catch {
    return writeByCommand(await text);
  }
}

function asBlob(text) {
  return new Blob([text], { type: "text/plain" });
}

/** On plain http there is no navigator.clipboard. */
function writeByCommand(text) {
  const focused = document.activeElement;
  const box = document.createElement("textarea");
  box.className = "visually-hidden";
  box.value = text;
  document.body.append(box);
  box.select();
  const isWritten = document.execCommand("copy");
  box.remove();
  focused.focus({ preventScroll: true });
  return isWritten;
}

function say(button, text) {
  const label = button.querySelector("span");
  const before = label.dataset.before ??= label.textContent;
  label.textContent = text;
  announce(text);
  setTimeout(() => { label.textContent = before; }, SAID_FOR);
}

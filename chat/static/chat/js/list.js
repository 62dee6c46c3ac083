/* The list in the sidebar: keeps it up to date, and loads more on scrolling. */

import { ask, fragment } from "./page.js";
import { morph } from "./morph.js";

const list = document.querySelector("conversation-list");
const listed = document.getElementById("listed");
const nearEnd = new IntersectionObserver((entries) => entries.some((each) => each.isIntersecting) && more());

listed.addEventListener("click", (event) => {
  if (!event.target.closest(".older") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  more();
});
watch();

/** Refreshes the list at its current length; returns whether that worked. */
export async function update() {
  const part = await load(list.dataset.list, { shown: listed.querySelectorAll("li").length });
  if (!part) return false;
  const focused = listed.contains(document.activeElement) && document.activeElement.getAttribute("href");
  const fresh = listed.cloneNode(false);
  fresh.append(part);
  morph(listed, fresh);
  if (focused) link(focused)?.focus({ preventScroll: true });
  watch();
  return true;
}

/** Replaces the link to older conversations with the next ones. */
async function more() {
  const older = listed.querySelector(".older");
  nearEnd.disconnect();
  const part = older && await load(older.href);
  if (!part || !older.isConnected) return;
  const first = part.querySelector("li a");
  const wasFocused = document.activeElement === older;
  join(listed.querySelector("section:last-of-type"), part.querySelector("section"));
  older.replaceWith(part);
  if (wasFocused) first?.focus({ preventScroll: true });
  watch();
}

/** Merges two parts of a group under one heading. */
function join(last, next) {
  if (!next || last?.querySelector("h2").textContent !== next.querySelector("h2").textContent) return;
  last.querySelector("ul").append(...next.querySelectorAll("li"));
  next.remove();
}

async function load(address, options = {}) {
  const url = new URL(address, location);
  const asked = { as: "html", conversation: list.dataset.conversation ?? "", ...options };
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
  const answer = await ask(url).catch(() => null); // the link stays
  return answer && fragment(answer.html);
}

function watch() {
  const older = listed.querySelector(".older");
  if (older) nearEnd.observe(older);
}

function link(href) {
  return [...listed.querySelectorAll("a")].find((each) => each.getAttribute("href") === href);
}

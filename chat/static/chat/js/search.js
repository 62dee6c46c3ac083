/* Search results replace the list while the user types. */

import { announce, ask, fragment } from "./page.js";

const PAUSE = 200; // milliseconds without another key
const form = document.querySelector(".sidebar .search");
const box = form.elements.q;
const found = document.getElementById("found");
const listed = document.getElementById("listed");
let timer;
let asked = new AbortController();

box.addEventListener("input", typed);
form.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !box.value) return;
  event.preventDefault(); // the drawer stays open
  box.value = "";
  typed();
});
addEventListener("online", typed);
typed();

function typed() {
  clearTimeout(timer);
  asked.abort();
  if (box.value.trim()) timer = setTimeout(look, PAUSE);
  else show(false);
}

async function look() {
  const { signal } = asked = new AbortController();
  const url = new URL(form.action);
  url.search = new URLSearchParams({ q: box.value, as: "html" });
  try {
    const { html, status } = await ask(url, { signal });
    if (signal.aborted) return;
    found.replaceChildren(fragment(html));
    announce(status);
  } catch (problem) {
    if (signal.aborted) return;
    found.textContent = problem.message;
    announce(problem.message);
  }
  show(true);
}

function show(isFound) {
  found.hidden = !isFound;
  listed.hidden = isFound;
}

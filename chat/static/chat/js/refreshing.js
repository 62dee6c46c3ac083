/* Updates the page to the conversation as it is on the server. */

import { ask, asHtml, fragment, isPosting, isRunning } from "./page.js";
import { morph } from "./morph.js";

/** Leaves the messages alone on a page of an earlier part, and on one that has moved on meanwhile: it is ahead. */
export async function refresh(transcript) {
  const { head } = transcript.dataset;
  const answer = await ask(asHtml(location.pathname));
  showBar(answer);
  if (transcript.dataset.head !== head || isPosting()) return;
  transcript.dataset.changed = answer.changed;
  if (!transcript.querySelector(".latest")) showMessages(transcript, answer);
}

/** The title and the menu. */
function showBar({ bar, title }) {
  const old = document.querySelector(".bar");
  document.title = document.title.replace(old.querySelector("h1").textContent, () => title);
  morph(old, fragment(bar).querySelector(".bar"));
}

function showMessages(transcript, answer) {
  const fresh = fragment(answer.transcript);
  const articles = [...fresh.querySelectorAll("article")];
  const known = articles[0] && document.getElementById(articles[0].id);
  if (!known) transcript.querySelector(".earlier")?.remove();
  leave(transcript, known, new Set(articles.map(({ id }) => id)));
  place(transcript, known?.previousElementSibling, articles);
  if (!known) transcript.prepend(...fresh.querySelectorAll(".earlier"));
  transcript.dataset.head = answer.head ?? "";
  transcript.dress();
}

/** Removes what is no longer shown, from `known` on: everything before it leads to it. */
function leave(transcript, known, ids) {
  const shown = [...transcript.querySelectorAll("article")];
  for (const article of shown.slice(shown.indexOf(known ?? shown[0]))) if (!ids.has(article.id)) article.remove();
}

function place(transcript, before, articles) {
  for (const article of articles) {
    const old = document.getElementById(article.id);
    if (old) bringUpToDate(old, article);
    else if (before) before.after(article);
    else transcript.prepend(article);
    before = document.getElementById(article.id);
  }
}

/** A reply that is streaming here is updated by its own stream. */
function bringUpToDate(old, fresh) {
  if (isRunning(old.dataset.state)) return;
  if (isRunning(fresh.dataset.state)) return old.replaceWith(fresh);
  if (old.matches(".is-sized")) fresh.classList.add("is-sized"); // nothing else has changed, mostly
  morph(old, fresh);
}

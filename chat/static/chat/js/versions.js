/* Versions of a message: shows another one, or edits one in the composer. */

import "./composer.js"; // an edit may be requested before the page has loaded it
import { announce } from "./page.js";

/** Shows the version that `arrow` leads to; the focus stays on the same arrow. */
export async function turned(transcript, arrow) {
  const id = arrow.getAttribute("formaction").split("/").at(-2);
  await transcript.refresh();
  const versions = document.querySelector(`[id="message-${id}"] .versions`);
  versions?.querySelector(`[value="${arrow.value}"]`).focus();
  announce(versions?.ariaLabel ?? "");
}

/** Puts the message into the composer. */
export function edit(link) {
  const composer = document.querySelector("chat-composer");
  const article = link.closest("article");
  composer.edit(article.id.replace("message-", ""), article.querySelector(".text").textContent);
  announce(composer.querySelector("#editing").textContent);
}

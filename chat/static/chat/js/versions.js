/* Versions of a message: another one is shown, or the composer makes one. */

import "./composer.js"; // an edit may be asked for before the script of the page has come as far
import { announce } from "./page.js";

/** The version that `arrow` leads to is shown now; the focus stays on the same arrow. */
export async function turned(transcript, arrow) {
  const id = arrow.getAttribute("formaction").split("/").at(-2);
  await transcript.refresh();
  const versions = document.querySelector(`[id="message-${id}"] .versions`);
  versions?.querySelector(`[value="${arrow.value}"]`).focus();
  announce(versions?.ariaLabel ?? "");
}

/** The message comes into the composer. */
export function edit(link) {
  const composer = document.querySelector("chat-composer");
  const article = link.closest("article");
  composer.edit(article.id.replace("message-", ""), article.querySelector(".text").textContent);
  announce(composer.querySelector("#editing").textContent);
}

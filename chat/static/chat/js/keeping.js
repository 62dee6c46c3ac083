/* The menu of a conversation: rename, instruct, pin, archive and delete without leaving the page. */

import { announce, complain, post } from "./page.js";

const menu = document.getElementById("conversation-menu");
const list = document.querySelector("conversation-list");

/** Submits the form; the list and the title are updated as in any other tab. */
export async function keep(form) {
  complain(form);
  try {
    const { conversation, url } = await post(form);
    if (!conversation || conversation.id !== list.dataset.conversation) return location.assign(url ?? conversation.url);
    closeMenu();
    announce(form.dataset.keep);
  } catch (problem) {
    complain(form, problem);
  }
}

function closeMenu() {
  if (menu.contains(document.activeElement)) menu.querySelector(":scope > summary").focus();
  menu.open = false;
}

/** Shows in place of the composer that the conversation was deleted elsewhere, or removes that notice. */
export function showGone(isGone) {
  const notice = document.getElementById("gone-notice");
  if (isGone === Boolean(notice)) return;
  document.querySelector("chat-composer").hidden = isGone;
  if (!isGone) return notice.remove();
  const fresh = document.getElementById("gone").content.firstElementChild.cloneNode(true);
  document.querySelector(".dock").append(fresh);
  announce(fresh.querySelector("p").textContent);
}

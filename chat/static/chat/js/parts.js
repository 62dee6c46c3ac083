/* Parts of the page that the response to their form re-renders: a conversation's share link, a reply's rating. */

import { act, announce, complain, fragment, post } from "./page.js";
import { morph } from "./morph.js";

const PART = "[data-part]";

export async function renew(form, submitter) {
  const part = form.closest(PART);
  const { done } = submitter.dataset; // the button may have changed afterwards
  complain(part);
  try {
    const { html } = await post(form, submitter);
    const focused = document.activeElement;
    const asked = form.closest("details");
    morph(part, fragment(html).querySelector(PART));
    if (part.contains(asked)) asked.open = false; // it has been answered
    if (!focused.isConnected || !focused.checkVisibility()) landing(part).focus();
    announce(done);
  } catch (problem) {
    complain(part, problem);
  }
}

function landing(part) {
  return part.querySelector("input[readonly], summary") ?? part.querySelector("button");
}

const menu = document.getElementById("conversation-menu");
menu?.addEventListener("click", ({ target }) => {
  const button = target.closest(".copy");
  if (button) act(button, import("./code.js"), ({ press }) => press(button));
});

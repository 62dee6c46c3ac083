/* Loads earlier messages above the others; what the reader sees stays where it is. */

import { ask, complain, fragment } from "./page.js";

export async function showEarlier(transcript, link) {
  if (link.ariaBusy) return;
  link.ariaBusy = "true";
  const next = link.nextElementSibling;
  try {
    const { transcript: html } = await ask(`${link.href}&as=html`);
    const hadFocus = link === document.activeElement;
    const top = next.getBoundingClientRect().top;
    link.replaceWith(fragment(html));
    transcript.dress();
    scrollBy({ top: next.getBoundingClientRect().top - top, behavior: "instant" });
    if (hadFocus) (transcript.querySelector(".earlier") ?? next).focus({ preventScroll: true });
  } catch (problem) {
    link.ariaBusy = null;
    complain(next, problem);
  }
}

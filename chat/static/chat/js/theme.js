/* Applies the theme as soon as it is chosen, and saves it in the background. */

import { complain, post } from "./page.js";

let kept = Promise.resolve(); // one after the other: the last one wins

export function applyTheme({ value, form }) {
  for (const { dataset } of document.querySelectorAll(".parley")) {
    if (value) dataset.theme = value;
    else delete dataset.theme;
  }
  const scheme = document.querySelector('html.parley meta[name="color-scheme"]'); // of the chat's own base template
  if (scheme) scheme.content = value || "light dark";
  complain(form);
  kept = kept.then(() => post(form)).catch((problem) => complain(form, problem));
}

/* The theme applies as soon as it is chosen, and is kept in the background. */

import { complain, post } from "./page.js";

let kept = Promise.resolve(); // one after the other: the last one stays

export function wear({ value, form }) {
  const { dataset } = document.documentElement;
  if (value) dataset.theme = value;
  else delete dataset.theme;
  document.querySelector('meta[name="color-scheme"]').content = value || "light dark";
  complain(form);
  kept = kept.then(() => post(form)).catch((problem) => complain(form, problem));
}

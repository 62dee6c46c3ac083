/* The buttons in a shared copy: of code, and of long messages. */

import { press } from "./code.js";
import { dressCode, unfold } from "./page.js";

const transcript = document.querySelector("chat-transcript");

dressCode(transcript);
transcript.addEventListener("click", ({ target }) => {
  const button = target.closest(".code-bar button, .unfold");
  if (button?.matches(".unfold")) unfold(button);
  else if (button) press(button);
});

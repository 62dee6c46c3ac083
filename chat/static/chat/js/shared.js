/* The code in a shared copy: its bars and their buttons. */

import { press } from "./code.js";
import { dressCode } from "./page.js";

const transcript = document.querySelector("chat-transcript");

dressCode(transcript);
transcript.addEventListener("click", ({ target }) => {
  const button = target.closest(".code-bar button");
  if (button) press(button);
});

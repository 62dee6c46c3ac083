/* The code in a copy that was shared: its bars and their buttons. */

import { dressCode } from "./page.js";

const transcript = document.querySelector("chat-transcript");

dressCode(transcript);
transcript.addEventListener("click", async ({ target }) => {
  const button = target.closest(".code-bar button");
  if (!button) return;
  const { press } = await import("./code.js");
  press(button);
});

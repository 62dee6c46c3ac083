/* For the sake of proxies that hold an event stream back until it ends, and of browsers with many tabs. */

import { ask } from "./page.js";

const PAUSE = 1_000; // milliseconds

/** Gives `show` the reply once a second until `signal` is aborted; throws what `ask` throws. */
export async function poll(url, show, signal) {
  while (!signal.aborted) {
    show(await ask(url, { signal }));
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

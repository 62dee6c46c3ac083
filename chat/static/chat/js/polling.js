/* For proxies that buffer an event stream until it ends, and for browsers with many tabs. */

import { ask } from "./page.js";

const PAUSE = 1_000; // milliseconds

/** Passes the reply to `show` once a second until `signal` is aborted; throws what `ask` throws. */
export async function poll(url, show, signal) {
  while (!signal.aborted) {
    show(await ask(url, { signal }));
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

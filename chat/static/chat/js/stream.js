/* The events of a running reply, despite lost connections and proxies that hold them back. */

import { ask, asHtml, isRunning, Problem, words } from "./page.js";

const SHORTEST_WAIT = 500; // milliseconds before a new attempt; doubled with each failure
const LONGEST_WAIT = 15_000; // milliseconds
const PATIENCE = 5_000; // milliseconds without an event before we ask the server
const SILENCE = 30_000; // milliseconds without a keep-alive, which the server sends every 15 s
const LOOK = 5_000; // milliseconds between two checks for that silence
const ON_ITS_WAY = 1_000; // milliseconds that an event may lag behind the reply's JSON
const SEATS = 4; // streams of all tabs: on HTTP/1.1 a browser opens six connections to a site, and pages need some
const HELD_BACK = "Parley: a proxy holds the event stream back (on nginx, set proxy_buffering off). Polling instead.";

/**
 * Tells `reader` what happens to a reply: `restart()` when everything is sent again, `think(thoughts)`,
 * `change(blocks)`, `show(reply)` and finally `settle(reply)` with the reply's JSON, `lose()` and `fail(problem)`.
 */
export class Stream {
  #urls;
  #reader;
  #source; // null while polling
  #hasSeat = false;
  #attempts = 0;
  #timer; // of the next attempt
  #patience;
  #isSilent; // since the last attempt
  #heardAt; // milliseconds, wall clock: it keeps running while the device sleeps
  #looking;
  #undo = new AbortController();

  constructor(urls, reader) {
    this.#urls = urls;
    this.#reader = reader;
    const { signal } = this.#undo;
    addEventListener("online", () => this.#wake(), { signal });
    addEventListener("pageshow", (event) => event.persisted && this.#wake(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.#wake(), { signal });
    this.#looking = setInterval(() => this.#look(), LOOK);
    this.#begin();
  }

  close() {
    this.#undo.abort();
    clearInterval(this.#looking);
    this.#disconnect();
  }

  /** Polls if all seats are taken, or if a proxy holds events back. */
  async #begin() {
    const { signal } = this.#undo;
    this.#hasSeat ||= await takeSeat(signal);
    if (signal.aborted) return;
    if (this.#hasSeat) this.#connect();
    else this.#poll();
  }

  #connect() {
    this.#disconnect();
    const source = this.#source = new EventSource(asHtml(this.#urls.events));
    this.#heardAt = Date.now();
    source.onopen = () => this.#opened();
    source.addEventListener("alive", () => this.#heardAt = Date.now());
    source.onmessage = ({ data }) => this.#heard(JSON.parse(data));
    source.onerror = () => this.#lost();
    source.addEventListener("end", ({ data }) => this.#ended(JSON.parse(data)));
    this.#isSilent = true;
    this.#patience = setTimeout(() => this.#doubt(source), PATIENCE);
  }

  #disconnect() {
    this.#source?.close();
    this.#source = null;
    clearTimeout(this.#timer);
    clearTimeout(this.#patience);
  }

  #wake() {
    if (this.#source && this.#source.readyState !== EventSource.OPEN) this.#connect();
    else this.#look();
  }

  /** A connection can die silently: it stays open for the browser, and nothing arrives. */
  #look() {
    if (!this.#source || this.#source.readyState === EventSource.CLOSED) return; // the next attempt is scheduled
    if (Math.abs(Date.now() - this.#heardAt) < SILENCE) return;
    this.#reader.lose();
    this.#connect();
  }

  #opened() {
    this.#attempts = 0;
    this.#heardAt = Date.now();
    this.#reader.restart();
  }

  #heard({ thoughts, blocks }) {
    clearTimeout(this.#patience);
    this.#isSilent = false;
    this.#heardAt = Date.now();
    if (thoughts) this.#reader.think(thoughts);
    if (blocks) this.#reader.change(blocks);
  }

  /** Without HTML the reply has not ended: the server is restarting. */
  #ended(reply) {
    if (reply.html) this.#settle(reply);
    else this.#lost();
  }

  /** The browser would not always reconnect, nor know that the reply is gone or has ended. */
  #lost() {
    clearTimeout(this.#patience);
    this.#source?.close();
    this.#reader.lose();
    this.#inquire(this.#source);
  }

  async #inquire(source) {
    let reply, problem;
    try {
      reply = await ask(asHtml(this.#urls.url));
    } catch (error) {
      problem = error;
    }
    if (source !== this.#source || this.#undo.signal.aborted) return; // reconnected meanwhile, or closed
    if (reply && !isRunning(reply.state)) this.#settle(reply);
    else if (problem?.status === 401) this.#reader.fail(problem);
    else if (problem?.status === 404) this.#reader.fail(new Problem(words.deleted));
    else this.#again();
  }

  #again() {
    const wait = Math.min(SHORTEST_WAIT * 2 ** this.#attempts++, LONGEST_WAIT);
    this.#timer = setTimeout(() => this.#begin(), wait * (0.5 + Math.random() / 2));
  }

  /** No event so far: the model has not begun, or a proxy holds back what has been `written`. */
  async #doubt(source, written) {
    if (written) {
      console.warn(HELD_BACK);
      return this.#poll();
    }
    const reply = await ask(this.#urls.url).catch(() => null);
    if (source !== this.#source || !this.#isSilent) return;
    this.#patience = setTimeout(() => this.#doubt(source, reply?.text), reply?.text ? ON_ITS_WAY : PATIENCE);
  }

  async #poll() {
    this.#disconnect();
    const { signal } = this.#undo;
    try {
      const { poll } = await import("./polling.js");
      await poll(asHtml(this.#urls.url), (reply) => this.#polled(reply), signal);
    } catch {
      if (!signal.aborted) this.#lost();
    }
  }

  #settle(reply) {
    this.close();
    this.#reader.settle(reply);
  }

  #polled(reply) {
    this.#attempts = 0;
    if (isRunning(reply.state)) this.#reader.show(reply);
    else this.#settle(reply);
  }
}

/** Whether a seat was free; it is held until `signal` is aborted or the page is left. */
async function takeSeat(signal) {
  if (!navigator.locks) return true; // on plain http there are none
  for (let seat = 1; seat <= SEATS; seat++) if (await lock(`stream ${seat}`, signal)) return true;
  return false;
}

function lock(name, signal) {
  return new Promise((tell) => navigator.locks.request(name, { ifAvailable: true }, (free) => {
    tell(free);
    return free && new Promise((end) => signal.addEventListener("abort", end));
  }));
}

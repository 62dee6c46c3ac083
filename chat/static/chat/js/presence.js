/* Keeps the page in sync with the user's other tabs and devices. Asking also tells the server that someone is here. */

import { act, ask, isPosting, later, load, loginUrl, prepare } from "./page.js";

const PAUSE = 20_000; // milliseconds
const ZONE_KEPT = 365 * 24 * 3_600; // seconds
const NAMED_WITHIN = [2_000, 6_000]; // milliseconds after the first reply: the model may name the conversation

class ConversationList extends HTMLElement {
  #looks = 0;
  #timer;
  #channel;
  #undo;

  connectedCallback() {
    this.#undo = new AbortController();
    const { signal } = this.#undo;
    const sidebar = this.closest(".sidebar");
    this.#timer = setInterval(() => this.look(), PAUSE);
    if (tellZone()) this.dataset.version = ""; // so the next look reloads the list
    this.#channel = new BroadcastChannel("parley");
    this.#channel.addEventListener("message", ({ data }) => data === "left" ? leave() : this.look(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.look(), { signal });
    document.addEventListener("reply-settled", () => this.#settled(), { signal });
    document.addEventListener("submit", (event) => this.#submit(event), { signal });
    document.addEventListener("toggle", opened, { capture: true, signal });
    document.addEventListener("change", changed, { signal });
    for (const kind of ["dragover", "dragleave", "drop", "paste"]) document.addEventListener(kind, carried, { signal });
    sidebar.addEventListener("pointerover", () => prepare(import("./list.js")), { once: true, signal });
    sidebar.addEventListener("focusin", () => prepare(import("./list.js")), { once: true, signal });
    const search = sidebar.querySelector(".search");
    search.addEventListener("focusin", () => prepare(import("./search.js")), { once: true, signal });
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
    this.#channel.close();
    this.#undo.abort();
  }

  /** Fetches and shows what has changed; if offline, next time. */
  look() {
    this.#look().catch(later);
  }

  async #look() {
    const number = ++this.#looks;
    const { running, conversation } = this.dataset;
    const url = conversation ? `${running}?conversation=${conversation}` : running;
    const state = await ask(url);
    if (number !== this.#looks || isPosting()) return;
    if (conversation) await this.#showOpen(state.open);
    if (state.version !== this.dataset.version) await this.#update(state.version);
    const answered = new Set(state.conversations.map((each) => each.url));
    for (const link of this.querySelectorAll("#listed li > a:not([aria-current])")) {
      link.querySelector(".answering").hidden = !answered.has(link.getAttribute("href"));
    }
  }

  async #update(version) {
    const { update } = await load(import("./list.js"));
    if (await update()) this.dataset.version = version;
  }

  /** When the open conversation last changed; null when it was deleted. */
  async #showOpen(changed) {
    if (!changed || document.getElementById("gone-notice")) (await load(import("./keeping.js"))).showGone(!changed);
    if (!changed) return;
    const transcript = document.querySelector("chat-transcript");
    if (transcript.dataset.changed !== changed) await transcript.refresh?.();
  }

  #settled() {
    if (document.querySelectorAll(".from-model").length > 1) return;
    for (const wait of NAMED_WITHIN) setTimeout(() => this.look(), wait);
  }

  #submit(event) {
    const { target: form, submitter } = event;
    const isPart = form.closest("[data-part]");
    if (isPart || form.matches("[data-keep]")) event.preventDefault();
    if (isPart) act(form, import("./parts.js"), ({ renew }) => renew(form, submitter));
    else if (form.matches("[data-keep]")) act(form, import("./keeping.js"), ({ keep }) => keep(form));
  }
}

/** Tells the server the browser's time zone, for days and times; returns whether it was news. */
function tellZone() {
  const cookie = `timezone=${new Intl.DateTimeFormat().resolvedOptions().timeZone}`;
  if (document.cookie.split("; ").includes(cookie)) return false;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${cookie}; path=/; max-age=${ZONE_KEPT}; samesite=lax${secure}`;
  return true;
}

/** After a logout in another tab, nothing of that user stays on the screen. */
function leave() {
  location.replace(loginUrl("left"));
}

/** Loads what an opening menu needs. */
function opened({ target }) {
  if (target.matches(".menu")) prepare(import("./menus.js"));
  if (target.id === "conversation-menu") prepare(import("./parts.js"));
}

function changed({ target }) {
  if (target.id === "theme") act(target, import("./theme.js"), ({ applyTheme }) => applyTheme(target));
  if (target.id === "language") target.form.requestSubmit(); // the page in that language; the draft stays
  if (target.id === "preset") act(target, import("./instruction.js"), ({ take }) => take(target));
}

/** Files never replace the page: they go into the message, or nowhere. */
function carried(event) {
  const data = event.dataTransfer ?? event.clipboardData;
  const composer = document.querySelector("chat-composer:not([hidden])");
  const isText = event.type === "paste" && (data.types.includes("text/plain") || event.target.closest("input"));
  if (!data.types.includes("Files") || isText) return; // office programs copy a picture with their text
  event.preventDefault();
  if (event.type === "dragover") data.dropEffect = composer ? "copy" : "none";
  composer?.classList.toggle("is-target", event.type === "dragover" || event.type === "dragleave" && event.relatedTarget !== null);
  const files = [...data.files]; // gone when the event is over
  if (composer && files.length) act(composer, import("./files.js"), ({ add }) => add(files, composer));
}

customElements.define("conversation-list", ConversationList);

/* Where people write: sends without leaving the page, keeps the draft, counts near the limit, stops the reply. */

import { act, complain, later, load, newChat, post, prepare, Problem, RUNNING, words } from "./page.js";

const COUNT_FROM = 0.8; // of the limit
const IS_MAC = /Mac|iP(hone|ad)/.test(navigator.platform);
const { format } = new Intl.NumberFormat(document.documentElement.lang);

class ChatComposer extends HTMLElement {
  #form = this.querySelector(".composer");
  #box = this.querySelector("textarea");
  #length = this.querySelector(".length");
  #stop = this.querySelector("#stop");
  #transcript = document.querySelector("chat-transcript");
  #waiting = document.querySelector("waiting-messages"); // none in a new chat
  #draft = this.#draftAt(location.pathname);
  #undo;

  connectedCallback() {
    this.#undo = new AbortController();
    const { signal } = this.#undo;
    this.#form.addEventListener("submit", (event) => this.#submit(event), { signal });
    this.#stop.addEventListener("submit", (event) => this.#submitStop(event), { signal });
    this.querySelector(".editing a")?.addEventListener("click", (event) => this.#cancel(event), { signal });
    this.#box.addEventListener("keydown", (event) => this.#boxKey(event), { signal });
    this.#box.addEventListener("input", () => this.#edited(), { signal });
    this.#box.addEventListener("input", () => this.#getReady(), { once: true, signal });
    document.addEventListener("keydown", (event) => this.#pageKey(event), { signal });
    document.getElementById("show-shortcuts").addEventListener("click", () => this.#runShortcut("help"), { signal });
    document.addEventListener("reply-settled", () => this.#settled(), { signal });
    this.#write(this.#box.value || this.#drafted());
    if (this.#isAnyWaiting()) prepare(import("./queue.js"));
    if (matchMedia("(pointer: fine)").matches) this.focus();
  }

  disconnectedCallback() {
    this.#undo.abort();
  }

  /** Shows a message that was sent, perhaps in the place of an earlier one, and the reply to it. */
  show({ conversation, message, reply }, edited) {
    const { href } = new URL(conversation.url, location);
    if (href !== location.href.split("#")[0]) return location.assign(href);
    const old = edited ? document.getElementById(`message-${edited}`) : null;
    if (edited && !old) return this.#transcript.refresh().catch(later);
    this.#transcript.dataset.changed = conversation.changed;
    this.#transcript.add(message.html, old);
    this.#transcript.add(reply.html);
  }

  /** Gives a message back, as the fields of its form, before what has been written meanwhile. */
  restore({ message, replaces, ...fields }) {
    if (this.#edits !== replaces) this.edit(replaces, replaces ? "" : undefined);
    const written = this.#box.value;
    this.#write(written ? `${message}\n\n${written}` : message);
    for (const [name, value] of Object.entries(fields)) {
      if (name in this.#form.elements && !(written && name === "client_id")) this.#form.elements[name].value = value;
    }
    this.focus();
  }

  focus() {
    this.#box.focus({ preventScroll: true });
  }

  async #submit(event) {
    event.preventDefault();
    if (this.#box.readOnly || !this.#box.value.trim()) return;
    this.#box.readOnly = true;
    complain(this);
    try {
      this.#checkLength();
      await this.#send();
      if (this.#edits) this.edit();
      else this.#write("");
    } catch (problem) {
      complain(this, problem.status === 404 && !this.#edits ? this.#moveOn() : problem);
    }
    this.#box.readOnly = false;
  }

  /** The conversation was deleted: what has been written waits in a new chat. */
  #moveOn() {
    sessionStorage.setItem(this.#draftAt(newChat.pathname), this.#box.value);
    return new Problem(words.gone, 404);
  }

  #draftAt(path) {
    return `draft of ${this.dataset.user} at ${path}`;
  }

  async #send() {
    if (this.#isAnyWaiting() || this.#waiting && this.#transcript.querySelector(RUNNING)) return this.#wait();
    try {
      this.show(await post(this.#form), this.#edits);
    } catch (problem) {
      if (problem.status !== 409 || !problem.retryAfter || !this.#waiting) throw problem;
      await this.#wait(); // a reply that another tab has begun
    }
  }

  /** Loads what sending needs, before the network may be gone. */
  #getReady() {
    prepare(import("./reply.js"));
    if (this.#waiting) prepare(import("./queue.js"));
  }

  async #wait() {
    const { csrfmiddlewaretoken, ...fields } = Object.fromEntries(new FormData(this.#form));
    await load(import("./queue.js"));
    this.#waiting.add(fields);
    this.#transcript.follow();
  }

  #isAnyWaiting() {
    return this.#waiting && localStorage.getItem(this.#waiting.dataset.key) !== null;
  }

  async #submitStop(event) {
    event.preventDefault();
    const article = this.#transcript.querySelector(RUNNING);
    if (!article) return;
    this.#stop.action = article.dataset.stop;
    await post(this.#stop).catch((problem) => complain(article, problem));
  }

  /** Takes an earlier message to be sent in another form; without one, the draft again. */
  edit(id = "", text = this.#drafted()) {
    this.#form.elements.replaces.value = id;
    this.querySelector(".editing").hidden = !id;
    complain(this);
    this.#write(text);
    this.focus();
  }

  /** The draft is back, and the focus at what began the edit. A page of an edit leads to the conversation. */
  #cancel(event) {
    if (location.search) return;
    event.preventDefault();
    const link = document.querySelector(`[id="message-${this.#edits}"] .edit`);
    this.edit();
    link?.focus({ preventScroll: true });
  }

  /** The id of the message that is being edited. */
  get #edits() {
    return this.#form.elements.replaces?.value;
  }

  /** The button is gone with the reply that it would have stopped, and so is what spoke against sending. */
  #settled() {
    complain(this);
    if (document.activeElement?.form === this.#stop) this.focus();
  }

  #boxKey(event) {
    if (isComposing(event) || event.shiftKey) return;
    if (event.key === "ArrowUp" && !this.#box.value) this.#editLast(event);
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (this.#box.value.trim()) this.#form.requestSubmit();
  }

  #editLast(event) {
    const link = [...this.#transcript.querySelectorAll(".from-user .edit")].at(-1);
    if (link) event.preventDefault();
    link?.click();
  }

  #pageKey(event) {
    const isLeaving = event.key === "Escape" && !event.target.closest(".sidebar, .menu");
    const name = shortcut(event);
    if (!isLeaving && !name || isComposing(event) || event.defaultPrevented) return;
    if (document.querySelector(":popover-open, dialog[open]")) return; // looks through the whole page
    if (isLeaving) return this.#leave();
    event.preventDefault();
    this.#runShortcut(name);
  }

  /** The message that is being edited, or else the reply that is being written. */
  #leave() {
    if (this.#edits) this.querySelector(".editing a").click();
    else this.#stop.requestSubmit();
  }

  #runShortcut(name) {
    act(this, import("./shortcuts.js"), ({ shortcuts }) => shortcuts[name]());
  }

  #edited() {
    complain(this);
    this.#changed();
  }

  #write(text) {
    this.#box.value = text;
    this.#changed();
  }

  /** What has changed is another message; unchanged, it may be sent again and is stored once. */
  #changed() {
    this.#form.elements.client_id.value = newId();
    this.#grow();
    this.#count();
    this.#keep();
  }

  #drafted() {
    return sessionStorage.getItem(this.#draft) ?? "";
  }

  /** The draft waits while an earlier message is in the box. */
  #keep() {
    if (this.#edits) return;
    try {
      sessionStorage.setItem(this.#draft, this.#box.value);
    } catch {
      // The storage is full: it is a draft that is lost on reload, no more.
    }
  }

  #grow() {
    if (CSS.supports("field-sizing", "content")) return;
    this.#box.style.blockSize = "auto";
    this.#box.style.blockSize = `${this.#box.scrollHeight}px`;
  }

  #count() {
    const limit = Number(this.dataset.limit);
    const count = [...this.#box.value].length;
    this.#length.textContent = count < COUNT_FROM * limit ? "" : `${format(count)} / ${format(limit)}`;
    this.#length.classList.toggle("is-over", count > limit);
    return count - limit;
  }

  #checkLength() {
    const over = this.#count();
    if (over > 0) throw new Problem(words.tooLong.replace("{count}", format(over)));
  }
}

/**
 * The name of what a key of the whole page does, if it is one. Chrome and Firefox do nothing by Ctrl+/, with Shift where
 * the keyboard has / there. A single character is no key where people write; Firefox looks by / in the page, as by
 * Ctrl+F, and does so again once the single keys are switched off.
 */
function shortcut({ key, ctrlKey, metaKey, altKey, target }) {
  const search = key === "/" && document.querySelector(".sidebar [type=search]") ? "search" : null;
  if (altKey || ctrlKey && metaKey) return null;
  if (IS_MAC ? metaKey : ctrlKey) return search;
  if (ctrlKey || metaKey || target.closest("input, textarea, select") || localStorage.getItem("single-keys")) return null;
  return key === "?" ? "help" : search;
}

/** Safari ends a composition before the Enter that it was ended with. */
function isComposing(event) {
  return event.isComposing || event.keyCode === 229;
}

/** A UUID, also on plain http, where crypto.randomUUID is missing. */
function newId() {
  const url = URL.createObjectURL(new Blob());
  URL.revokeObjectURL(url);
  return url.slice(-36);
}

customElements.define("chat-composer", ChatComposer);

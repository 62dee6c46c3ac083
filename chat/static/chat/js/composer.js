/* The composer: sends without leaving the page, keeps the draft, counts near the limit, stops the reply. */

import { act, complain, forgetAllBut, later, load, newChat, post, prepare, Problem, RUNNING, words } from "./page.js";

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
  #returned = []; // messages from the queue with which the text in the box begins
  #unsent; // the client id of the message that could not reach the server
  #sent; // settles when the message that is being sent has left the box
  #undo;

  connectedCallback() {
    this.#undo = new AbortController();
    const { signal } = this.#undo;
    this.#form.addEventListener("submit", (event) => this.#sent = this.#submit(event), { signal });
    this.#stop.addEventListener("submit", (event) => this.#submitStop(event), { signal });
    this.querySelector(".editing a")?.addEventListener("click", (event) => this.#cancel(event), { signal });
    this.#box.addEventListener("keydown", (event) => this.#boxKey(event), { signal });
    this.#box.addEventListener("input", () => this.#edited(), { signal });
    this.#box.addEventListener("input", () => this.#getReady(), { once: true, signal });
    document.addEventListener("keydown", (event) => this.#pageKey(event), { signal });
    document.getElementById("show-shortcuts").addEventListener("click", () => this.#runShortcut("help"), { signal });
    document.addEventListener("reply-settled", () => this.#settled(), { capture: true, signal }); // the button is still there
    addEventListener("online", () => this.#sendUnsent(), { signal });
    forgetAllBut(this.dataset.user);
    this.#write(this.#box.value || this.#drafted());
    if (this.#isAnyWaiting()) prepare(import("./queue.js"));
    if (matchMedia("(pointer: fine)").matches) this.focus();
  }

  disconnectedCallback() {
    this.#undo.abort();
  }

  /** Shows a message that was sent, perhaps replacing an earlier one, and the reply to it. */
  show({ conversation, message, reply }, edited) {
    const { href } = new URL(conversation.url, location);
    if (href !== location.href.split("#")[0]) return location.assign(href);
    const old = edited ? document.getElementById(`message-${edited}`) : null;
    if (edited && !old) return this.#transcript.refresh().catch(later);
    this.#transcript.dataset.changed = conversation.changed;
    this.#transcript.add(message.html, old);
    this.#transcript.add(reply.html);
  }

  /** Puts a message that was queued `at` a time back into the box: before what was written since, in the queue's order. */
  restore({ at, message, replaces, ...fields }) {
    if (this.#edits !== replaces) this.edit(replaces, replaces ? "" : undefined);
    const written = this.#box.value;
    if (!written.startsWith(paragraphs(this.#returned))) this.#returned = []; // edited or sent
    const since = written.slice(paragraphs(this.#returned).length).trimStart();
    this.#returned = [...this.#returned, { at, message }].sort((one, other) => one.at - other.at);
    this.#write(paragraphs([...this.#returned, { message: since }]));
    for (const [name, value] of Object.entries(fields)) {
      if (name in this.#form.elements && !(written && name === "client_id")) this.#form.elements[name].value = value;
    }
    this.focus();
  }

  /** How many characters the message may still get, roughly. */
  get room() {
    return -this.#count();
  }

  /** Puts text at the cursor, in lines of its own. */
  async insert(text) {
    await this.#sent;
    const { selectionStart: start, selectionEnd: end, value } = this.#box;
    const before = value.slice(0, start);
    this.#box.setRangeText(before && !before.endsWith("\n") ? `\n${text}` : text, start, end, "end");
    this.#changed();
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
      this.#fail(problem);
    }
    this.#box.readOnly = false;
  }

  #fail(problem) {
    if (problem.status === 0) this.#unsent = this.#form.elements.client_id.value;
    if (problem.status === 0 && !navigator.onLine) problem.message = words.offlineSends;
    complain(this, problem.status === 404 && !this.#edits ? this.#moveOn() : problem);
  }

  /** Back online: a message that has not been changed since goes again. */
  #sendUnsent() {
    if (this.#unsent === this.#form.elements.client_id.value) this.#form.requestSubmit();
  }

  /** The conversation was deleted: the text is kept as the draft of a new chat. */
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
      const isBusy = problem.status === 409 && problem.retryAfter; // another tab has started a reply
      if (!this.#waiting || !isBusy && problem.status !== 0) throw problem;
      await this.#wait();
    }
  }

  /** Loads what sending needs while the network is still there. */
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

  /** Edits an earlier message; without one, restores the draft. */
  edit(id = "", text = this.#drafted()) {
    this.#form.elements.replaces.value = id;
    this.querySelector(".editing").hidden = !id;
    complain(this);
    this.#write(text);
    this.focus();
  }

  /** Restores the draft, and the focus to the link that began the edit. An edit page follows its link instead. */
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

  /** The reply has settled: its stop button is gone, and so is the reason why sending failed. */
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
    if (document.querySelector(":popover-open, dialog[open]")) return; // searches the whole page
    if (isLeaving) return this.#leave();
    event.preventDefault();
    this.#runShortcut(name);
  }

  /** Cancels the edit, or else stops the reply. */
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

  /** A changed text is a new message; an unchanged one can be resent and is stored once. */
  #changed() {
    this.#form.elements.client_id.value = newId();
    this.#grow();
    this.#count();
    this.#keep();
  }

  #drafted() {
    return sessionStorage.getItem(this.#draft) ?? "";
  }

  /** The draft is left alone while an earlier message is in the box. */
  #keep() {
    if (this.#edits) return;
    try {
      sessionStorage.setItem(this.#draft, this.#box.value);
    } catch {
      // The storage is full: only a draft is lost, and only on reload.
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
 * The name of the page-wide shortcut that a key triggers, if any. Chrome and Firefox leave Ctrl+/ free, also with Shift
 * on keyboards that need it for /. Single characters are no shortcuts in text fields. In Firefox / searches the page,
 * like Ctrl+F, and does so again once single-key shortcuts are off.
 */
function shortcut({ key, ctrlKey, metaKey, altKey, target }) {
  const search = key === "/" && document.querySelector(".sidebar [type=search]") ? "search" : null;
  if (altKey || ctrlKey && metaKey) return null;
  if (IS_MAC ? metaKey : ctrlKey) return search;
  if (ctrlKey || metaKey || target.closest("input, textarea, select") || localStorage.getItem("single-keys")) return null;
  return key === "?" ? "help" : search;
}

function paragraphs(messages) {
  return messages.map(({ message }) => message).filter(Boolean).join("\n\n");
}

/** Safari ends a composition before it reports the Enter that ended it. */
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

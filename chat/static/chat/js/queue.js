/* Messages that wait for the reply before them, or for the network: kept in the browser, sent one by one. */

import { announce, complain, post, Problem, RUNNING, words } from "./page.js";

const PAUSE = 3_000; // milliseconds between two checks for what no event reports: another tab's reply, a lost response

class WaitingMessages extends HTMLElement {
  #template = this.querySelector("template").content.firstElementChild;
  #composer = document.querySelector("chat-composer");
  #transcript = document.querySelector("chat-transcript");
  #first; // its client id
  #problem; // why the first one could not be sent
  #isSending = false;
  #notBefore = 0; // milliseconds, wall clock
  #timer;
  #undo;

  connectedCallback() {
    this.#undo = new AbortController();
    const { signal } = this.#undo;
    document.addEventListener("reply-settled", () => this.#next(), { signal });
    addEventListener("online", () => this.#again(), { signal });
    addEventListener("storage", ({ key }) => key === this.dataset.key && this.#draw(), { signal });
    this.addEventListener("click", (event) => this.#click(event), { signal });
    this.#draw();
    this.#next();
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
    this.#undo.abort();
  }

  /** Queues a message (the fields of its form); throws a Problem if the browser's storage is full. */
  add(fields) {
    try {
      this.#write([...this.#read(), { at: Date.now(), ...fields }]);
    } catch {
      throw new Problem(words.failed);
    }
    announce(fields.replaces ? words.editWaits : words.waits);
    this.#next();
  }

  #read() {
    return JSON.parse(localStorage.getItem(this.dataset.key) ?? "[]");
  }

  #write(messages) {
    if (messages.length) localStorage.setItem(this.dataset.key, JSON.stringify(messages));
    else localStorage.removeItem(this.dataset.key);
    this.#draw();
  }

  #remove(id) {
    this.#write(this.#read().filter(({ client_id }) => client_id !== id));
  }

  // Sending:

  async #next() {
    if (this.#isSending || Date.now() < this.#notBefore || this.#transcript.querySelector(RUNNING)) return;
    await exclusively(this.dataset.key, async () => {
      const [first] = this.#read();
      if (first && !isFinal(this.#problem)) await this.#send(first);
    });
  }

  async #again() {
    this.#problem = null;
    this.#notBefore = 0;
    this.#draw();
    await this.#next();
  }

  async #send(fields) {
    this.#isSending = true;
    this.#draw();
    const answer = await post(this.#formOf(fields)).catch((problem) => this.#failed(problem));
    this.#isSending = false;
    if (!answer) return this.#draw();
    this.#remove(fields.client_id);
    this.#composer.show(answer, fields.replaces);
  }

  /** With a Retry-After it is retried automatically; a reply that another tab has started is no problem. */
  #failed(problem) {
    this.#problem = problem.status === 409 && problem.retryAfter ? null : problem;
    if (problem.status === 0) problem.message = navigator.onLine ? words.noServer : words.noNetwork;
    this.#notBefore = Date.now() + 1_000 * (problem.retryAfter ?? 0);
  }

  /** The composer's form, with the waiting message instead of its current text. */
  #formOf({ at, ...fields }) {
    const composer = document.getElementById("composer");
    const form = composer.cloneNode();
    form.append(composer.elements.csrfmiddlewaretoken.cloneNode());
    for (const [name, value] of Object.entries(fields)) {
      form.append(Object.assign(document.createElement("input"), { name, value, type: "hidden" }));
    }
    return form;
  }

  // What the user sees and does:

  #draw() {
    const messages = this.#read();
    if (this.#first !== messages[0]?.client_id) this.#begin(messages[0]?.client_id);
    const shown = new Map([...this.querySelectorAll("article")].map((article) => [article.dataset.id, article]));
    for (const { client_id: id, message, replaces } of messages) {
      if (!shown.has(id)) this.append(this.#article(id, message, replaces));
      shown.delete(id);
    }
    for (const article of shown.values()) {
      if (article.contains(document.activeElement)) this.#composer.focus();
      article.remove();
    }
    this.#drawFirst(this.querySelector("article"));
  }

  #begin(first) {
    this.#first = first;
    this.#problem = null;
    clearInterval(this.#timer);
    if (first) this.#timer = setInterval(() => this.#next(), PAUSE);
  }

  #article(id, message, replaces) {
    const article = this.#template.cloneNode(true);
    article.dataset.id = id;
    article.dataset.replaces = replaces;
    article.querySelector(".text").textContent = message;
    return article;
  }

  #drawFirst(article) {
    if (!article) return;
    if (article.problem !== this.#problem?.message) complain(article, this.#problem); // said once
    article.problem = this.#problem?.message;
    const isEdit = Boolean(article.dataset.replaces);
    const isHeldUp = !this.#problem && this.#transcript.querySelector(RUNNING);
    article.querySelector(".take-back").disabled = this.#isSending;
    article.querySelector(".stop-and-send").hidden = !(isEdit && isHeldUp); // the running reply is being replaced
    article.querySelector(".send-again").hidden = !isFinal(this.#problem);
    article.querySelector("small").textContent = this.#problem ? words.triesAgain : isEdit ? words.editWaits : words.waits;
    article.querySelector("small").hidden = isFinal(this.#problem);
  }

  #click({ target }) {
    if (target.closest(".send-again")) this.#again();
    const id = target.closest(".take-back")?.closest("article").dataset.id;
    if (id) exclusively(this.dataset.key, () => this.#takeBack(id)); // unless it is being sent right now
  }

  #takeBack(id) {
    const fields = this.#read().find(({ client_id }) => client_id === id);
    if (!fields) return;
    this.#remove(id);
    this.#composer.restore(fields);
  }
}

/** Whether only the user can do something about it. Without a connection it is retried. */
function isFinal(problem) {
  return Boolean(problem) && problem.status !== 0 && !problem.retryAfter;
}

/** In one tab only; not at all if another tab is doing it. On plain http there are no locks. */
function exclusively(name, work) {
  if (!navigator.locks) return work();
  return navigator.locks.request(name, { ifAvailable: true }, (lock) => lock && work());
}

customElements.define("waiting-messages", WaitingMessages);

/* The messages: stays at the newest text while the reader is there, and takes what people do to a message. */

import { act, complain, dressCode, fragment, load, post, prepare, RUNNING } from "./page.js";

const NEAR = 60; // pixels from the end within which the reader is taken to follow

class ChatTranscript extends HTMLElement {
  #newest = document.getElementById("newest");
  #grown = new ResizeObserver(() => this.#stay());
  #isFollowing = !location.hash.startsWith("#message-"); // then the browser goes there
  #top = 0; // where the last scrolling ended
  #undo;

  connectedCallback() {
    this.#undo = new AbortController();
    const { signal } = this.#undo;
    addEventListener("scroll", () => this.#scrolled(), { passive: true, signal });
    addEventListener("resize", () => this.#stay(), { signal });
    addEventListener("online", () => this.dress(), { signal }); // what it needs may not have come before
    this.#newest.addEventListener("click", () => this.follow(), { signal });
    this.addEventListener("submit", (event) => this.#submit(event), { signal });
    this.addEventListener("click", (event) => this.#click(event), { signal });
    for (const kind of ["pointerover", "focusin"]) this.addEventListener(kind, getReady, { once: true, signal });
    this.addEventListener("reply-grown", ({ target }) => dressCode(target), { signal });
    this.addEventListener("reply-settled", ({ target }) => dressCode(target), { signal });
    history.scrollRestoration = "manual";
    this.#grown.observe(document.body);
    this.dress();
  }

  disconnectedCallback() {
    this.#grown.disconnect();
    this.#undo.abort();
  }

  /** Shows a rendered message: in the place of `old` and of what followed that, of itself, or else at the end. */
  add(html, old) {
    const article = fragment(html).querySelector("article");
    while (old?.nextElementSibling) old.nextElementSibling.remove();
    old ??= document.getElementById(article.id);
    if (old) old.replaceWith(article);
    else this.append(article);
    this.dataset.head = article.id.replace("message-", "");
    this.dress();
    this.follow();
    return article;
  }

  /** Brings the page to the conversation as it is now, and leaves alone what has not changed. */
  async refresh() {
    const { refresh } = await load(import("./refreshing.js"));
    return refresh(this);
  }

  /** Messages have come: gives their code its bars, and follows the reply that is being written. */
  dress() {
    dressCode(this);
    if (this.querySelector(RUNNING)) prepare(import("./reply.js")); // defines <chat-reply>
  }

  /** To the end, and on with the text as it grows. */
  follow() {
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#isFollowing = true;
    this.#newest.hidden = true;
    this.#toEnd(isCalm ? "instant" : "smooth");
  }

  #stay() {
    if (this.#isFollowing) this.#toEnd();
  }

  #toEnd(behavior = "instant") {
    scrollTo({ top: document.documentElement.scrollHeight, behavior });
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = document.documentElement;
    const rest = scrollHeight - clientHeight - scrollTop;
    if (rest < 2) this.#isFollowing = true;
    else if (scrollTop < this.#top - 1) this.#isFollowing = false;
    else if (rest < NEAR) this.#isFollowing = true;
    this.#top = scrollTop;
    this.#newest.hidden = this.#isFollowing;
  }

  /** The answer takes the place of the article. A page of a part of the conversation leads to the whole instead. */
  async #submit(event) {
    if (location.search || event.target.closest("[data-part]")) return; // presence.js takes parts
    event.preventDefault();
    const { target: form, submitter: button } = event;
    const old = form.closest("article");
    const answer = post(form, button);
    button.disabled = true;
    try {
      const { reply, conversation } = await answer;
      if (reply) {
        this.dataset.changed = conversation.changed;
        this.add(reply.html, old).focus({ preventScroll: true });
      } else await this.#turn(button);
    } catch (problem) {
      button.disabled = false;
      button.focus({ preventScroll: true });
      complain(old, problem);
    }
  }

  /** What the person turned to stays in sight. */
  async #turn(arrow) {
    this.#isFollowing = false;
    const { turned } = await load(import("./versions.js"));
    await turned(this, arrow);
  }

  #click(event) {
    const thing = event.target.closest("a, button");
    const isElsewhere = event.ctrlKey || event.metaKey || event.shiftKey; // a new tab or window
    if (thing?.matches(".copy, .wrap")) act(thing, import("./code.js"), ({ press }) => press(thing));
    else if (isElsewhere || location.search) return;
    else if (thing?.matches(".earlier")) {
      event.preventDefault();
      act(thing.nextElementSibling, import("./earlier.js"), ({ showEarlier }) => showEarlier(this, thing));
    } else if (thing?.matches(".edit")) {
      event.preventDefault();
      act(thing, import("./versions.js"), ({ edit }) => edit(thing));
    } else if (thing?.matches(".regenerate") && document.getElementById("model")) {
      event.preventDefault();
      act(thing, import("./models.js"), ({ choose }) => choose(thing));
    }
  }
}

/** For the click that may come. */
function getReady() {
  prepare(import("./code.js"));
  prepare(import("./versions.js"));
}

customElements.define("chat-transcript", ChatTranscript);

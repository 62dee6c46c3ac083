/* The messages: follows the newest text while the user is at the end, and handles actions on a message. */

import { act, complain, dressCode, fragment, load, post, prepare, RUNNING, unfold } from "./page.js";

const NEAR = 60; // pixels from the end within which the user counts as following

class ChatTranscript extends HTMLElement {
  #newest = document.getElementById("newest");
  #stop = document.getElementById("stop-button");
  #grown = new ResizeObserver(() => this.#stay());
  #isFollowing = !location.hash.startsWith("#message-"); // otherwise the browser scrolls there
  #top = 0; // the last scroll position
  #undo;

  connectedCallback() {
    this.#undo = new AbortController();
    const { signal } = this.#undo;
    addEventListener("scroll", () => this.#scrolled(), { passive: true, signal });
    addEventListener("resize", () => this.#stay(), { signal });
    addEventListener("online", () => this.dress(), { signal }); // loading may have failed while offline
    this.#newest.addEventListener("click", () => this.follow(), { signal });
    this.addEventListener("submit", (event) => this.#submit(event), { signal });
    this.addEventListener("click", (event) => this.#click(event), { signal });
    for (const kind of ["pointerover", "focusin"]) this.addEventListener(kind, getReady, { once: true, signal });
    this.addEventListener("reply-grown", ({ target }) => dressCode(target), { signal });
    this.addEventListener("reply-settled", () => this.dress(), { signal });
    history.scrollRestoration = "manual";
    this.#grown.observe(document.body);
    this.dress();
  }

  disconnectedCallback() {
    this.#grown.disconnect();
    this.#undo.abort();
  }

  /** Shows a rendered message: replaces `old` and all that follows it, or its own old article, or else appends. */
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

  /** Updates the page to the current conversation; leaves alone what has not changed. */
  async refresh() {
    const { refresh } = await load(import("./refreshing.js"));
    return refresh(this);
  }

  /** After messages have changed: gives code its bars, and a running reply its script and the button that stops it. */
  dress() {
    const isRunning = this.querySelector(RUNNING) !== null;
    dressCode(this);
    if (isRunning) prepare(import("./reply.js")); // defines <chat-reply>
    this.#stop.hidden = !isRunning;
    this.#size();
  }

  /** Once the browser knows their size, it may leave out finished replies that are far from the screen. */
  #size() {
    requestAnimationFrame(() => {
      const replies = [...this.querySelectorAll(`.from-model:not(.is-sized, ${RUNNING})`)];
      const heights = replies.map((reply) => reply.getBoundingClientRect().height);
      for (const [index, { classList, style }] of replies.entries()) {
        style.containIntrinsicBlockSize = `auto ${heights[index]}px`; // for a moment, none is on the screen
        classList.add("is-sized");
      }
    });
  }

  /** Scrolls to the end, and follows the text as it grows. */
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

  /** The response replaces the article. A page of a part of the conversation leads to the whole instead. */
  async #submit(event) {
    if (location.search || event.target.closest("[data-part]")) return; // presence.js handles parts
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

  /** Keeps in view what the user switched to. */
  async #turn(arrow) {
    this.#isFollowing = false;
    const { turned } = await load(import("./versions.js"));
    await turned(this, arrow);
  }

  #click(event) {
    const thing = event.target.closest("a, button");
    const isElsewhere = event.ctrlKey || event.metaKey || event.shiftKey; // a new tab or window
    if (thing?.matches(".unfold")) {
      this.#isFollowing = false;
      unfold(thing);
    } else if (thing?.matches(".copy, .wrap")) act(thing, import("./code.js"), ({ press }) => press(thing));
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

/** Loads what a click may need. */
function getReady() {
  prepare(import("./code.js"));
  prepare(import("./versions.js"));
}

customElements.define("chat-transcript", ChatTranscript);

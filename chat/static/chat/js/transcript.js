/* The messages: stays at the newest text while the reader is there, and takes Retry, Continue and Copy. */

import { complain, fragment, post, RUNNING } from "./page.js";

const NEAR = 60; // pixels from the end within which the reader is taken to follow
const FINISHED_CODE = `article:not(${RUNNING}) pre, .block:not(:last-child) pre`;

class ChatTranscript extends HTMLElement {
  #newest = document.getElementById("newest");
  #codeBar = document.getElementById("code-bar").content.firstElementChild;
  #grown = new ResizeObserver(() => this.#stay());
  #isFollowing = !location.hash.startsWith("#message-"); // then the browser goes there
  #top = 0; // where the last scrolling ended
  #undo;

  connectedCallback() {
    this.#undo = new AbortController();
    const { signal } = this.#undo;
    addEventListener("scroll", () => this.#scrolled(), { passive: true, signal });
    addEventListener("resize", () => this.#stay(), { signal });
    this.#newest.addEventListener("click", () => this.follow(), { signal });
    this.addEventListener("submit", (event) => this.#submit(event), { signal });
    this.addEventListener("click", (event) => this.#click(event), { signal });
    this.addEventListener("pointerover", () => import("./copying.js"), { once: true, signal }); // ready for the click
    this.addEventListener("reply-grown", ({ target }) => this.#dressCode(target), { signal });
    this.addEventListener("reply-settled", ({ target }) => this.#dressCode(target), { signal });
    history.scrollRestoration = "manual";
    this.#grown.observe(document.body);
    this.#dressCode(this);
    this.#followReplies();
  }

  disconnectedCallback() {
    this.#grown.disconnect();
    this.#undo.abort();
  }

  /** Shows a rendered message, in the place of `old` or of itself, or else at the end. */
  add(html, old) {
    const article = fragment(html).querySelector("article");
    old ??= document.getElementById(article.id);
    if (old) old.replaceWith(article);
    else this.append(article);
    this.#followReplies();
    this.follow();
    return article;
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

  #followReplies() {
    if (this.querySelector(RUNNING)) import("./reply.js"); // defines <chat-reply>
  }

  /** Retry or Continue: the new article takes the place of the old one. */
  async #submit(event) {
    if (event.target.closest("[data-part]")) return; // presence.js takes it
    event.preventDefault();
    const old = event.target.closest("article");
    event.submitter.disabled = true;
    try {
      const { reply } = await post(event.target);
      this.add(reply.html, old).focus({ preventScroll: true });
    } catch (problem) {
      event.submitter.disabled = false;
      complain(old, problem);
    }
  }

  /** Finished code gets a bar with its language and a button. */
  #dressCode(part) {
    for (const pre of part.querySelectorAll(FINISHED_CODE)) {
      if (pre.previousElementSibling?.matches(".code-bar")) continue;
      const bar = this.#codeBar.cloneNode(true);
      bar.querySelector("span").textContent = /language-(\S+)/.exec(pre.firstElementChild?.className)?.[1] ?? "";
      pre.before(bar);
    }
  }

  async #click({ target }) {
    const button = target.closest(".copy");
    if (!button) return;
    const { copy } = await import("./copying.js");
    copy(button);
  }
}

customElements.define("chat-transcript", ChatTranscript);

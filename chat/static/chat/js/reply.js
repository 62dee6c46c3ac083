/* A running reply grows block by block; unchanged blocks are not touched. */

import { announce, complain, fragment, isRunning, words } from "./page.js";
import { morph } from "./morph.js";
import { Stream } from "./stream.js";

class ChatReply extends HTMLElement {
  #article;
  #stream;
  #blocks = []; // the HTML of each block, indexed as on the server
  #changed = new Set(); // the blocks to draw in the next frame

  connectedCallback() {
    this.#article = this.closest("article");
    if (!isRunning(this.#article.dataset.state)) return;
    announce(words.writing);
    this.#stream = new Stream(this.#article.dataset, this);
  }

  disconnectedCallback() {
    this.#stream?.close();
  }

  // Called by the stream:

  restart() {
    this.#blocks = [];
    this.#thoughts.lastElementChild.textContent = "";
    this.fail(null);
  }

  /** More reasoning, as plain text until it is complete. */
  think(text) {
    this.#thoughts.lastElementChild.append(text);
    this.#thoughts.hidden = false;
  }

  get #thoughts() {
    return this.#article.querySelector(".thoughts");
  }

  /** Changes of blocks: which one, how much of its HTML stays, and what follows that. */
  change(changes) {
    if (this.#changed.size === 0) requestAnimationFrame(() => this.#draw());
    for (const [index, keep, html] of changes) {
      this.#blocks[index] = (this.#blocks[index] ?? "").slice(0, keep) + html;
      this.#changed.add(index);
    }
    this.#blocks.length = changes.length ? changes.at(-1)[0] + 1 : 0;
  }

  /** Shows the reply as the server has rendered it. */
  show({ html }) {
    this.#changed.clear();
    morph(this.#article, fragment(html).querySelector("article"));
  }

  settle(reply) {
    this.show(reply);
    announce(this.#article.querySelector(".note")?.textContent || words.finished);
    this.#tell("reply-settled");
  }

  lose() {
    if (!("lost" in this.#article.dataset)) announce(words.lost);
    this.#article.dataset.lost = "";
  }

  fail(problem) {
    delete this.#article.dataset.lost;
    complain(this.#article, problem);
  }

  // Drawing:

  #draw() {
    if (this.#changed.size === 0) return; // shown in full meanwhile
    const before = this.children.length;
    for (const index of this.#changed) if (index in this.#blocks) this.#drawBlock(index);
    this.#changed.clear();
    while (this.children.length > this.#blocks.length) this.lastElementChild.remove();
    if (this.#article.dataset.state !== "streaming") this.#article.dataset.state = "streaming";
    if (this.children.length > before) this.#tell("reply-grown");
  }

  #drawBlock(index) {
    const block = document.createElement("div");
    block.className = "block";
    block.append(fragment(this.#blocks[index]));
    if (this.children[index]) morph(this.children[index], block);
    else this.append(block);
  }

  #tell(name) {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true }));
  }
}

customElements.define("chat-reply", ChatReply);

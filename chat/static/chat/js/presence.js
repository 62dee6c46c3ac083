/* Which conversations are being answered. To ask for it also tells the server that somebody is here. */

import { ask } from "./page.js";

const PAUSE = 20_000; // milliseconds

class ConversationList extends HTMLElement {
  #timer;

  connectedCallback() {
    this.#timer = setInterval(() => this.#look(), PAUSE);
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
  }

  async #look() {
    const { conversations } = await ask(this.dataset.running).catch(() => ({})); // next time, then
    if (!conversations) return;
    const answered = new Set(conversations.map(({ url }) => url));
    for (const link of this.querySelectorAll("a[href]:not([aria-current])")) {
      link.querySelector(".answering").hidden = !answered.has(link.getAttribute("href"));
    }
  }
}

customElements.define("conversation-list", ConversationList);

/* What the parts of the page share: its words, its status line, the way to the server and into the document. */

const TIMEOUT = 30_000; // milliseconds that the server has for an answer

/** The texts for people; they stand in the template, so that they are translated with it. */
export const words = document.getElementById("words").dataset;

/** The link to begin a conversation with. */
export const newChat = document.getElementById("new-chat");

/**
 * What went wrong, in words for people. `status` is 0 when the server was not reached; `retryAfter` says in
 * how many seconds it may work again, if the server knows.
 */
export class Problem extends Error {
  constructor(message, status = 0, retryAfter = 0) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** The server's JSON; throws a Problem. */
export async function ask(url, { headers, ...options } = {}) {
  const signal = AbortSignal.timeout(TIMEOUT);
  const response = await fetch(url, { signal, ...options, headers: { Accept: "application/json", ...headers } })
    .catch(unreached);
  const answer = await response.json().catch(() => null);
  if (response.status === 401) throw new Problem(words.loggedOut, 401);
  const retryAfter = Number(response.headers.get("Retry-After"));
  if (!response.ok || !answer) throw new Problem(answer?.error ?? words.failed, response.status, retryAfter);
  return answer;
}

function unreached() {
  throw new Problem(navigator.onLine ? words.unreached : words.offline);
}

/** A part of the script that is loaded when it is needed; throws a Problem. */
export function load(module) {
  return module.catch(unreached);
}

/** Does what a person wants with a part of the script; says at `place` what went wrong. */
export function act(place, module, work) {
  return load(module).then(work).catch((problem) => complain(place, problem));
}

/** For what nobody waits for, and what is tried again when it is needed: there is nothing to say. */
export function later(problem) {
  if (!(problem instanceof Problem)) reportError(problem);
}

/** Loads a part of the script before it is needed. */
export function prepare(module) {
  load(module).catch(later);
}

const tabs = new BroadcastChannel("parley");
let underway = 0; // forms that wait for their answer

/** Whether an answer is on its way that brings the page further than what the server can say meanwhile. */
export function isPosting() {
  return underway > 0;
}

/**
 * Sends a form as the browser would when `button` is pressed; the answer carries rendered messages.
 * All tabs look then what has changed.
 */
export async function post(form, button) {
  const body = new URLSearchParams(new FormData(form, button));
  const headers = { "X-CSRFToken": body.get("csrfmiddlewaretoken") };
  const url = button?.getAttribute("formaction") ?? form.action;
  underway += 1;
  try {
    const answer = await ask(asHtml(url), { method: "POST", body, headers });
    tabs.postMessage("changed");
    return answer;
  } finally {
    underway -= 1;
  }
}

export function asHtml(url) {
  return `${url}?as=html`;
}

/** Shows at `place`, or around it, what went wrong; without a problem, takes it back. */
export function complain(place, problem) {
  const line = place.closest(":has(.trouble)").querySelector(".trouble");
  const isOurs = problem && !(problem instanceof Problem); // an error of the script
  if (isOurs) reportError(problem);
  line.replaceChildren(isOurs ? words.failed : problem?.message ?? "");
  if (problem?.status === 401) line.append(" ", linkTo(`${words.loginUrl}?next=${encodeURIComponent(location.pathname)}`, words.logIn));
  if (problem?.status === 404) line.append(" ", linkTo(newChat.href, newChat.textContent));
}

function linkTo(href, text) {
  return Object.assign(document.createElement("a"), { href, textContent: text });
}

/** Tells those who listen to the page; what is said twice is heard twice. */
export function announce(text) {
  document.getElementById("status").replaceChildren(text);
}

const maker = { createHTML: (html) => html };
const policy = globalThis.trustedTypes?.createPolicy("parley", maker) ?? maker;

/** The one way for HTML into the page. It is the server's: rendered by templates, Markdown made safe. */
export function fragment(html) {
  const template = document.createElement("template");
  template.innerHTML = policy.createHTML(html);
  return template.content;
}

/** Articles of replies that are being written. */
export const RUNNING = '[data-state="waiting"], [data-state="streaming"]';

const FINISHED_CODE = `article:not(${RUNNING}) pre, .block:not(:last-child) pre`;

/** Finished code gets a bar with its language and buttons. */
export function dressCode(part) {
  const template = document.getElementById("code-bar").content.firstElementChild;
  for (const code of part.querySelectorAll(FINISHED_CODE)) {
    const before = code.previousElementSibling;
    const bar = before?.matches(".code-bar") ? before : template.cloneNode(true);
    const written = /language-(\S+)/.exec(code.firstElementChild?.className)?.[1];
    bar.firstElementChild.textContent = code.dataset.language ?? written ?? "";
    if (bar !== before) code.before(bar);
  }
}

export function isRunning(state) {
  return state === "waiting" || state === "streaming";
}

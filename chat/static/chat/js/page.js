/* What the parts of the page share: texts, status line, requests, and inserting HTML. */

const TIMEOUT = 30_000; // milliseconds for a response

/** The texts for users; they are in the template, so that they are translated with it. */
export const words = document.getElementById("words")?.dataset;

/** The link that starts a new conversation. */
export const newChat = document.getElementById("new-chat");

/**
 * An error message for users. `status` is the server's, 0 if it was not reached, and none if it was not asked;
 * `retryAfter` says in how many seconds to retry, if the server knows.
 */
export class Problem extends Error {
  constructor(message, status, retryAfter = 0) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** The server's JSON; throws a Problem. */
export async function ask(url, { headers, signal, ...options } = {}) {
  const limits = [AbortSignal.timeout(TIMEOUT), signal].filter(Boolean);
  const response = await fetch(url, { signal: AbortSignal.any(limits), ...options, headers: { Accept: "application/json", ...headers } })
    .catch(unreached);
  const answer = await response.json().catch(() => null);
  if (response.status === 401) throw new Problem(words.loggedOut, 401);
  const retryAfter = Number(response.headers.get("Retry-After"));
  if (!response.ok || !answer) throw new Problem(answer?.error ?? words.failed, response.status, retryAfter);
  return answer;
}

function unreached() {
  throw new Problem(navigator.onLine ? words.unreached : words.offline, 0);
}

/** A module that is loaded on demand; throws a Problem. */
export function load(module) {
  return module.catch(unreached);
}

/** Does what the user asked for with a module; shows errors at `place`. */
export function act(place, module, work) {
  return load(module).then(work).catch((problem) => complain(place, problem));
}

/** For background work that is retried when needed: a Problem is not shown. */
export function later(problem) {
  if (!(problem instanceof Problem)) reportError(problem);
}

/** Loads a module before it is needed. */
export function prepare(module) {
  load(module).catch(later);
}

const tabs = new BroadcastChannel("parley");
let underway = 0; // forms awaiting their response

/** Whether a response is pending that is newer than anything the server can say meanwhile. */
export function isPosting() {
  return underway > 0;
}

/**
 * Submits a form as the browser would when `button` is pressed; the response has rendered messages.
 * All tabs then check for changes.
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

/** Deletes drafts and waiting messages of other users; their keys begin with the owner. */
export function forgetAllBut(user) {
  for (const storage of [localStorage, sessionStorage]) {
    for (const key of Object.keys(storage)) {
      const owner = /^(?:draft|waiting) of (\S+) /.exec(key)?.[1];
      if (owner && owner !== user) storage.removeItem(key);
    }
  }
}

/** Tells all tabs that the user has logged out. */
export function leaveAll() {
  tabs.postMessage("left");
}

export function asHtml(url) {
  return `${url}?as=html`;
}

/** Shows the problem at `place`, or around it; without one, clears it. */
export function complain(place, problem) {
  const line = place.closest(":has(.trouble)").querySelector(".trouble");
  const isOurs = problem && !(problem instanceof Problem); // a bug in our script
  if (isOurs) reportError(problem);
  line.replaceChildren(isOurs ? words.failed : problem?.message ?? "");
  line.toggleAttribute("data-unreached", problem?.status === 0);
  if (problem?.status === 401) line.append(" ", linkTo(loginUrl(`next=${encodeURIComponent(location.pathname)}`), words.logIn));
  if (problem?.status === 404) line.append(" ", linkTo(newChat.href, newChat.textContent));
}

addEventListener("online", () => {
  for (const line of document.querySelectorAll("[data-unreached]")) line.replaceChildren();
});

/** The site's login URL with one more parameter. */
export function loginUrl(parameter) {
  const { loginUrl: url } = words;
  return `${url}${url.includes("?") ? "&" : "?"}${parameter}`;
}

function linkTo(href, text) {
  return Object.assign(document.createElement("a"), { href, textContent: text });
}

/** Tells screen readers; a repeated text is read again. */
export function announce(text) {
  document.getElementById("status").replaceChildren(text);
}

const maker = { createHTML: (html) => html };
const policy = globalThis.trustedTypes?.createPolicy("parley", maker) ?? maker;

/** The only way for HTML into the page. It comes from the server: templates and sanitized Markdown. */
export function fragment(html) {
  const template = document.createElement("template");
  template.innerHTML = policy.createHTML(html);
  return template.content;
}

/** Articles of replies that are being written. */
export const RUNNING = '[data-state="waiting"], [data-state="streaming"]';

const FINISHED_CODE = `article:not(${RUNNING}) .block pre, .block:not(:last-child) pre`;

/** Finished code gets a bar with its language and buttons. */
export function dressCode(part) {
  const template = document.getElementById("code-bar").content.firstElementChild;
  for (const code of part.querySelectorAll(FINISHED_CODE)) {
    const before = code.previousElementSibling;
    const bar = before?.matches(".code-bar") ? before : template.cloneNode(true);
    bar.firstElementChild.textContent = code.dataset.language ?? "";
    if (bar !== before) code.before(bar);
  }
}

/** Shows all of a long message, or its beginning again. */
export function unfold(button) {
  const isFolded = button.ariaExpanded === "false";
  button.ariaExpanded = isFolded;
  if (!isFolded) button.closest("article").scrollIntoView({ block: "nearest" });
}

export function isRunning(state) {
  return state === "waiting" || state === "streaming";
}

/* Files that are dropped or pasted: texts go into the message as blocks of code, others are named with the reason. */

import { announce, complain, Problem, words } from "./page.js";

const BYTES = 4; // of a character in UTF-8, at most
const LANGUAGES = { // where the extension is not the language's name already
  bat: "batch", cc: "cpp", cs: "csharp", cxx: "cpp", h: "c", hpp: "cpp", htm: "html", js: "javascript", kt: "kotlin",
  log: "", md: "markdown", mjs: "javascript", pl: "perl", ps1: "powershell", py: "python", rb: "ruby", rs: "rust",
  sh: "bash", tex: "latex", ts: "typescript", txt: "", yml: "yaml",
};

/** Adds files to the message, or says why not. Nothing of a file that is too long is added. */
export async function add(files, composer) {
  complain(composer);
  const added = [], problems = [];
  for (const file of files) {
    try {
      await composer.insert(block(file.name, await read(file, composer.room)));
      added.push(file.name);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      problems.push(problem.message);
    }
  }
  if (added.length) announce(said(words.added, added.join(", ")));
  if (problems.length) complain(composer, new Problem(problems.join(" ")));
}

/** Throws a Problem if it is no text, or has more characters than there is `room` for. */
async function read(file, room) {
  if (file.size > BYTES * room) throw new Problem(said(words.fileTooLong, file.name));
  const bytes = await file.arrayBuffer().catch(() => { // a folder, or it has changed meanwhile
    throw new Problem(said(words.notRead, file.name));
  });
  const text = decoded(bytes);
  if (text === null || text.includes("\0")) throw new Problem(said(words.notText, file.name));
  if ([...text].length > room) throw new Problem(said(words.fileTooLong, file.name));
  return text;
}

function decoded(bytes) {
  const start = new Uint8Array(bytes.slice(0, 2));
  const encoding = start[0] === 0xff && start[1] === 0xfe ? "utf-16le" : "utf-8"; // Windows' Notepad writes both
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** The text with its name, in a fence that nothing in it can close. */
function block(name, text) {
  const longest = Math.max(2, ...[...text.matchAll(/`{3,}/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  const end = text.endsWith("\n") ? "" : "\n";
  return `${name}:\n${fence}${language(name)}\n${text.replaceAll("\r\n", "\n")}${end}${fence}\n`;
}

function language(name) {
  const extension = /\.([a-z0-9+#]+)$/i.exec(name)?.[1].toLowerCase() ?? "";
  return LANGUAGES[extension] ?? extension;
}

function said(sentence, name) {
  return sentence.replace("{name}", () => name);
}

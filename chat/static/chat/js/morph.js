/**
 * Makes `old` equal to `fresh` and touches only what differs, so that selection, focus and scroll
 * stay where they are. What script has added (`data-added`) is left alone, and so is what a person
 * has opened.
 */
export function morph(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeName !== fresh.nodeName) return old.replaceWith(fresh);
  if (old.nodeType === Node.TEXT_NODE) return morphText(old, fresh.data);
  morphAttributes(old, fresh);
  morphChildren(old, fresh);
}

function morphText(old, text) {
  if (text.startsWith(old.data)) old.appendData(text.slice(old.data.length));
  else old.data = text;
}

function morphAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
}

function morphChildren(old, fresh) {
  const before = [...old.childNodes].filter((node) => !node.dataset || !("added" in node.dataset));
  const after = [...fresh.childNodes];
  after.forEach((node, index) => before[index] ? morph(before[index], node) : old.append(node));
  before.slice(after.length).forEach((node) => node.remove());
}

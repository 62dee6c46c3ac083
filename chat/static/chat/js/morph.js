/**
 * Makes `old` equal to `fresh`, changing only what differs, so that selection, focus and scroll
 * position stay. Leaves alone what scripts have added (`data-added`) and what the user has
 * opened or unfolded.
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
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && name !== "aria-expanded") old.setAttribute(name, value);
  }
}

function morphChildren(old, fresh) {
  const before = [...old.childNodes].filter((node) => !node.dataset || !("added" in node.dataset));
  for (const node of [...fresh.childNodes]) {
    const again = before.findIndex(({ nodeName }) => nodeName === node.nodeName);
    if (again === 0 || (again > 0 && node.nodeType === Node.ELEMENT_NODE)) {
      before.splice(0, again).forEach((gone) => gone.remove());
      morph(before.shift(), node);
    } else if (before.length) before[0].before(node);
    else old.append(node);
  }
  before.forEach((node) => node.remove());
}

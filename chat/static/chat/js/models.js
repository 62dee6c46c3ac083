/* The choice of a model when a reply is regenerated: its own first. */

import "./menus.js";

export function choose(button) {
  const menu = document.createElement("details");
  menu.className = "menu models";
  menu.dataset.added = "";
  menu.append(summary(button), list(ordered(button.closest("article"))));
  menu.classList.toggle("opens-up", button.getBoundingClientRect().top > innerHeight / 2);
  button.after(menu);
  button.hidden = true;
  menu.open = true;
  const { left, right } = menu.lastChild.getBoundingClientRect();
  menu.classList.toggle("opens-back", left < 0 || right > document.documentElement.clientWidth);
  menu.querySelector("menu button").focus();
  menu.addEventListener("toggle", () => menu.open || leave(menu, button));
}

function leave(menu, button) {
  const hadFocus = menu.contains(document.activeElement);
  menu.remove();
  button.hidden = false;
  if (hadFocus) button.focus({ preventScroll: true });
}

function ordered(article) {
  const models = [...document.getElementById("model").options].map(({ value }) => value);
  const own = article.querySelector("small").textContent;
  return [...models.filter((model) => model === own), ...models.filter((model) => model !== own)];
}

function summary(button) {
  const summary = document.createElement("summary");
  summary.className = "action";
  summary.append(...button.cloneNode(true).childNodes);
  return summary;
}

function list(models) {
  const menu = document.createElement("menu");
  for (const model of models) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    Object.assign(button, { className: "row", name: "model", value: model, textContent: model });
    item.append(button);
    menu.append(item);
  }
  return menu;
}

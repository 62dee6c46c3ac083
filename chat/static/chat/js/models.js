/* The choice of a model for a reply that is written again: its own first. */

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
  watch(menu, button);
}

/** Closes by its own button, by Escape, and as soon as the person turns to something else. */
function watch(menu, button) {
  const undo = new AbortController();
  const { signal } = undo;
  const close = () => {
    undo.abort();
    menu.remove();
    button.hidden = false;
  };
  const back = (event) => {
    event.preventDefault(); // Escape would stop a reply
    close();
    button.focus({ preventScroll: true });
  };
  menu.firstChild.addEventListener("click", back, { signal });
  menu.addEventListener("keydown", (event) => event.key === "Escape" && back(event), { signal });
  for (const kind of ["pointerdown", "focusin"]) {
    document.addEventListener(kind, ({ target }) => menu.contains(target) || close(), { signal });
  }
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

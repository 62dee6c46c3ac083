/* Closes the site's menus on Escape, and as soon as the user turns to something else. */

const OPEN = "details.menu[open]";

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.isComposing || !document.querySelector(OPEN)) return;
  event.preventDefault(); // it would also stop a reply, or close the drawer
  closeMenus();
}, { capture: true });

for (const kind of ["pointerdown", "focusin"]) document.addEventListener(kind, ({ target }) => turned(target));
if (document.activeElement !== document.body) turned(document.activeElement); // while this was loaded

function turned(target) {
  for (const menu of document.querySelectorAll(OPEN)) if (!menu.contains(target)) menu.open = false;
}

/** Moves the focus to what opened the menu. */
export function closeMenus() {
  for (const menu of document.querySelectorAll(OPEN)) {
    menu.open = false;
    menu.querySelector("summary").focus({ preventScroll: true });
  }
}

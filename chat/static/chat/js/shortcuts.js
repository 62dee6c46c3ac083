/* What the page-wide shortcuts do, and the dialog that lists them. The composer knows their keys. */

import { closeMenus } from "./menus.js";

const SEARCH = ".sidebar [type=search]";
const IS_MAC = /Mac|iP(hone|ad)/.test(navigator.platform);

export const shortcuts = {
  help() {
    closeMenus(); // one of them has led here
    (document.querySelector("dialog.shortcuts") ?? makeList()).showModal();
  },
  search() {
    const field = document.querySelector(SEARCH);
    if (!field.checkVisibility()) field.closest("[popover]").showPopover(); // the drawer on a narrow page
    field.focus();
    field.select();
  },
};

function makeList() {
  const dialog = document.getElementById("shortcuts").content.firstElementChild.cloneNode(true);
  if (IS_MAC) for (const key of dialog.querySelectorAll(".command")) key.textContent = "⌘";
  for (const row of dialog.querySelectorAll("[data-needs]")) row.hidden = !document.querySelector(row.dataset.needs);
  const box = dialog.querySelector("input");
  box.checked = !localStorage.getItem(box.name);
  box.addEventListener("change", () => box.checked ? localStorage.removeItem(box.name) : localStorage.setItem(box.name, "off"));
  document.getElementById("shortcuts").after(dialog);
  return dialog;
}

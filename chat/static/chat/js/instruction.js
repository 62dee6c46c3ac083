/* A preset fills in its instruction and selects its model. What the box then contains is sent. */

import { ask, complain } from "./page.js";

let isRead; // the box has the preset's text, perhaps edited
let own; // what the user had before choosing a preset

export async function take(select) {
  const { value, form } = select;
  isRead = false; // if it cannot be fetched, the server applies the preset
  form.onformdata = ({ formData }) => isRead && formData.delete("preset");
  own ??= read(form);
  complain(form);
  try {
    const fields = value ? await ask(select.selectedOptions[0].dataset.url) : own;
    if (select.value !== value) return; // another one was chosen meanwhile
    write(form, fields);
    isRead = true;
    if (!value) own = undefined;
  } catch (problem) {
    complain(form, problem);
  }
}

function read(form) {
  return { instruction: form.elements.instruction.value, model: document.getElementById("model")?.value };
}

/** A model that is no longer offered, or none, changes nothing. */
function write(form, { instruction, model }) {
  form.elements.instruction.value = instruction;
  const models = document.getElementById("model");
  if ([...models?.options ?? []].some((option) => option.value === model)) models.value = model;
}

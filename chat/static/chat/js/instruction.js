/* A preset writes its instruction into the box and selects its model. What stands there then is what is sent. */

import { ask, complain } from "./page.js";

let isRead; // what stands in the box is the preset's, or what has become of it
let own; // what the person had before they chose a preset

export async function take(select) {
  const { value, form } = select;
  isRead = false; // where it cannot be asked for, the server takes it
  form.onformdata = ({ formData }) => isRead && formData.delete("preset");
  own ??= read(form);
  complain(form);
  try {
    const fields = value ? await ask(select.selectedOptions[0].dataset.url) : own;
    if (select.value !== value) return; // another one meanwhile
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

/** A model that is not on offer any more changes nothing, and neither does none. */
function write(form, { instruction, model }) {
  form.elements.instruction.value = instruction;
  const models = document.getElementById("model");
  if ([...models?.options ?? []].some((option) => option.value === model)) models.value = model;
}

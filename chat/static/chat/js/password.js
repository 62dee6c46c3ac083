/* The button that shows the password as it is typed. It is hidden again before the browser stores what was typed. */

const button = document.getElementById("show-password");
const field = document.getElementById(button.getAttribute("aria-controls"));

function show(isShown) {
  field.type = isShown ? "text" : "password";
  button.setAttribute("aria-pressed", isShown);
}

button.addEventListener("click", () => show(field.type === "password"));
field.form.addEventListener("submit", () => show(false));

"use strict";
// The list of the desk's keys: ? shows it, except while something is typed.

(() => {
  const dialog = document.getElementById("keys");

  // A question mark begins no name of a brand or a shop, so an empty field is no place for it either.
  function isWriting(field) {
    return field.matches("textarea, select, [contenteditable]") || (field.matches("input") && (field.value !== "" || field.type === "password"));
  }

  document.addEventListener("keydown", (event) => {
    if (!["?", "？"].includes(event.key) || event.isComposing || isWriting(event.target) || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    dialog.showModal();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-show-keys]")) dialog.showModal();
    else if (event.target === dialog || event.target.closest("#keys button")) dialog.close();
  });
})();

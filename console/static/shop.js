"use strict";
// The order form of the retailers' page: one carton more or less by a button, and the sum while it is filled in. Without
// this script the fields are typed into, and the sum stands on the next page.

(() => {
  const form = document.getElementById("order");
  if (form === null) return;
  const sum = form.querySelector(".sum");

  function cartons(field) {
    return /^\d+$/.test(field.value.trim()) ? Number(field.value) : 0;
  }

  function addUp() {
    let total = 0;
    let fen = 0;
    for (const stepper of form.querySelectorAll(".stepper")) {
      const wanted = Math.min(cartons(stepper.querySelector("input")), Number(stepper.dataset.most));
      total += wanted;
      fen += wanted * Number(stepper.dataset.price);
    }
    sum.textContent = sum.dataset.words.replace("{cartons}", total).replace("{amount}", (fen / 100).toLocaleString("en", { minimumFractionDigits: 2 }));
    sum.hidden = total === 0;
  }

  for (const stepper of form.querySelectorAll(".stepper")) {
    const field = stepper.querySelector("input");
    for (const button of stepper.querySelectorAll("button")) {
      button.hidden = false;
      button.addEventListener("click", () => {
        const wanted = cartons(field) + Number(button.dataset.step);
        field.value = Math.max(0, Math.min(wanted, Number(stepper.dataset.most))) || "";
        field.removeAttribute("aria-invalid");
        addUp();
      });
    }
    field.addEventListener("input", addUp);
  }
  addUp();
})();

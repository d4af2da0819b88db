"use strict";
// A button that prints the page; how it looks on paper is in console.css.

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) window.print();
});

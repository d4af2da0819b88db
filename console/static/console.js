"use strict";
// Shared by all pages: signing in again without losing what was typed, and a message when the server is unreachable.

(() => {
  const dialog = document.getElementById("again");
  const trouble = document.getElementById("trouble");
  let interrupted = null;

  function complain(sentence) {
    trouble.textContent = sentence;
    trouble.hidden = false;
    window.setTimeout(() => { trouble.hidden = true; }, 8000);
  }

  async function askAgain() {
    if (dialog.open) return;
    const answer = await fetch(dialog.dataset.login, { headers: { "HX-Request": "true" } });
    // Still signed in: the server was unreachable.
    if (answer.status === 204) return;
    dialog.innerHTML = await answer.text();
    htmx.process(dialog);
    dialog.showModal();
    dialog.querySelector("input:not([type=hidden])").focus();
  }

  document.addEventListener("htmx:responseError", (event) => {
    const { xhr, elt, requestConfig } = event.detail;
    if (xhr.status === 401) {
      interrupted = { elt, verb: requestConfig.verb };
      askAgain();
    } else {
      complain(xhr.responseText.startsWith("<") ? trouble.dataset.gone : xhr.responseText || trouble.dataset.gone);
    }
  });
  document.addEventListener("htmx:sendError", () => complain(trouble.dataset.gone));
  document.addEventListener("htmx:sseError", (event) => {
    // A refused event stream closes at once: the user has been signed out.
    if (event.detail.source && event.detail.source.readyState === EventSource.CLOSED) askAgain();
  });

  document.addEventListener("signed-in", (event) => {
    dialog.close();
    document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRFToken": event.detail.token }));
    for (const field of document.querySelectorAll("input[name=csrf_token]")) field.value = event.detail.token;
    const again = interrupted;
    interrupted = null;
    // The interrupted request is sent again; without one the page is reloaded.
    if (again === null) window.location.reload();
    else htmx.trigger(again.elt, again.elt.tagName === "FORM" ? "submit" : "click");
  });

  // A form that was just swapped in and is not yet processed by htmx must not be submitted by the browser.
  document.addEventListener("submit", (event) => { if (event.target.hasAttribute("hx-post")) event.preventDefault(); });

  // Enter in a retailer search opens the only result; of several the first is focused.
  let searched = false;
  document.addEventListener("keydown", (event) => {
    if (event.target.id === "who") searched = event.key === "Enter";
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id !== "found" || !searched) return;
    // The results of an earlier text are ignored.
    if (event.detail.requestConfig.parameters.q !== document.getElementById("who").value) return;
    searched = false;
    const buttons = event.target.querySelectorAll("button");
    if (buttons.length === 1) buttons[0].click();
    else buttons[0]?.focus();
  });

  // Waiting times are counted on between two updates from the server.
  function count() {
    for (const element of document.querySelectorAll("[data-since]")) {
      const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(element.dataset.since)) / 1000));
      element.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    }
  }
  window.setInterval(count, 1000);
  document.addEventListener("htmx:afterSettle", count);
  count();

  window.Hotline = { complain };
})();

"use strict";
// Shared by all pages: signing in again without losing what was typed, and a message when the server is unreachable.

(() => {
  const dialog = document.getElementById("sign-in-again");
  const errorMessage = document.getElementById("error-message");
  let interrupted = null;

  function showError(sentence) {
    errorMessage.textContent = sentence;
    errorMessage.hidden = false;
    window.setTimeout(() => { errorMessage.hidden = true; }, 8000);
  }

  async function promptSignIn() {
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
      promptSignIn();
    } else {
      showError(xhr.responseText.startsWith("<") ? errorMessage.dataset.unreachable : xhr.responseText || errorMessage.dataset.unreachable);
    }
  });
  document.addEventListener("htmx:sendError", () => showError(errorMessage.dataset.unreachable));
  document.addEventListener("htmx:sseError", (event) => {
    // A refused event stream closes at once: the user has been signed out.
    if (event.detail.source && event.detail.source.readyState === EventSource.CLOSED) promptSignIn();
  });

  document.addEventListener("signed-in", (event) => {
    dialog.close();
    document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRFToken": event.detail.token }));
    for (const field of document.querySelectorAll("input[name=csrf_token]")) field.value = event.detail.token;
    const request = interrupted;
    interrupted = null;
    // The interrupted request is sent again; without one the page is reloaded.
    if (request === null) window.location.reload();
    else htmx.trigger(request.elt, request.elt.tagName === "FORM" ? "submit" : "click");
  });

  // A form that was just swapped in and is not yet processed by htmx must not be submitted by the browser.
  document.addEventListener("submit", (event) => { if (event.target.hasAttribute("hx-post")) event.preventDefault(); });

  // Enter in a retailer search opens the only result; of several the first is focused.
  let searched = false;
  document.addEventListener("keydown", (event) => {
    if (event.target.id === "retailer-search") searched = event.key === "Enter";
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id !== "found" || !searched) return;
    // The results of an earlier text are ignored.
    if (event.detail.requestConfig.parameters.q !== document.getElementById("retailer-search").value) return;
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

  window.Hotline = { showError };
})();

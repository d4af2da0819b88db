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
    const answer = await fetch(dialog.dataset.login, { headers: { "HX-Request": "true" } }).catch(() => null);
    // Still signed in, or the server is away.
    if (answer?.status !== 200 || dialog.open) return;
    dialog.innerHTML = await answer.text();
    htmx.process(dialog);
    dialog.showModal();
    // The same person goes on: only the password is missing.
    dialog.querySelector("[name=login]").value = document.body.dataset.login;
    dialog.querySelector("[name=password]").focus();
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
  for (const broken of ["htmx:sendError", "htmx:timeout"]) {
    // A line that waits for the server says so itself, and is sent again by itself.
    document.addEventListener(broken, ({ detail }) => { if (detail.elt?.id !== "unsent-lines") showError(errorMessage.dataset.unreachable); });
  }
  document.addEventListener("htmx:sseError", (event) => {
    // A refused event stream closes at once: the user has been signed out.
    if (event.detail.source?.refused) promptSignIn();
  });

  // The pages of a browser share one session: signed in again on one of them, all go on. None is loaded again, which
  // would lose what was typed and, in the telephone window, the call; another person's pages are.
  const sessions = new BroadcastChannel("hotline-session");
  document.addEventListener("signed-in", ({ detail: { token, login } }) => { sessions.postMessage({ token, login }); renew({ token, login }); });
  sessions.addEventListener("message", ({ data }) => renew(data));

  function renew({ token, login }) {
    dialog.close();
    if (login !== document.body.dataset.login) { window.location.reload(); return; }
    document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRFToken": token }));
    for (const field of document.querySelectorAll("input[name=csrf_token]")) field.value = token;
    document.dispatchEvent(new Event("session-renewed"));
    const request = interrupted;
    interrupted = null;
    // The interrupted request is sent again.
    const elt = request === null ? null : current(request.elt);
    if (elt !== null) htmx.trigger(elt, elt.tagName === "FORM" ? "submit" : "click");
  }

  // The element itself, or the one that sends the same request where a live part of the page has replaced it meanwhile;
  // null if nothing on the page does so any more.
  function current(element) {
    if (element.isConnected) return element;
    const request = (one) => ["hx-post", "hx-vals"].map((name) => one.getAttribute(name)).join(" ");
    const replacement = [...document.querySelectorAll(`${element.localName}[hx-post]`)].find((one) => request(one) === request(element));
    if (replacement === undefined) return null;
    // Until the part has settled, htmx does not listen to an element in it.
    htmx.process(replacement);
    return replacement;
  }

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

  // The clock of the user's machine may be wrong: times are counted by the server's.
  const clockOffset = Date.parse(document.body.dataset.now) - Date.now();
  const serverNow = () => Date.now() + clockOffset;

  // Times are counted on, or down, between two updates from the server.
  function count() {
    for (const element of document.querySelectorAll("[data-since], [data-until]")) {
      const { since, until } = element.dataset;
      const passed = since ? serverNow() - Date.parse(since) : Date.parse(until) - serverNow();
      const seconds = Math.max(0, Math.floor(passed / 1000));
      element.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    }
  }
  window.setInterval(count, 1000);
  document.addEventListener("htmx:afterSettle", count);
  count();

  // The caller of the present call: the name, the reason, and for how long it has lasted or wrap-up still lasts.
  function showCaller(element, { state, caller, reason, since, until }, words) {
    element.hidden = !["incoming", "connecting", "talking"].includes(state) && !until;
    element.querySelector("b").textContent = until ? "" : caller || words.unknown;
    element.querySelector(".reason").textContent = reason ?? "";
    const time = element.querySelector(".time");
    time.hidden = !since && !until;
    delete time.dataset.since;
    delete time.dataset.until;
    if (since) time.dataset.since = since;
    else if (until) time.dataset.until = until;
    count();
  }

  window.Hotline = { current, showError, showCaller };
})();

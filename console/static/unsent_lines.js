"use strict";
// The lines that were entered and are not on the order yet: sent one after another, kept while the server is away and when
// the page is loaded again, and shown until the order has them.

(() => {
  const byId = (id) => document.getElementById(id);
  const RETRY_MS = 3000;
  let lines = [];
  let sending = false;
  let retry = null;

  const list = () => byId("unsent-lines");
  const key = () => `hotline-unsent ${list().dataset.order}`;

  function keep() {
    if (lines.length) window.sessionStorage.setItem(key(), JSON.stringify(lines));
    else window.sessionStorage.removeItem(key());
    show();
  }

  function load() {
    lines = list() ? JSON.parse(window.sessionStorage.getItem(key()) ?? "[]") : [];
    if (list()) show();
  }

  function show() {
    const { dataset } = list();
    const waiting = lines.some((line) => line.failed);
    list().hidden = !lines.length;
    list().replaceChildren(...lines.map((line) => {
      const entry = document.createElement("li");
      const name = document.createElement("b");
      name.textContent = `${line.name} ${line.cartons}`;
      const state = document.createElement("span");
      state.className = `tag ${line.refused ? "bad" : "warn"}`;
      state.textContent = line.refused ? dataset.refused : waiting ? dataset.waiting : dataset.sending;
      const drop = document.createElement("button");
      drop.type = "button";
      drop.className = "small outline secondary";
      drop.textContent = dataset.drop;
      drop.ariaLabel = `${dataset.drop} ${line.name}`;
      drop.addEventListener("click", () => { lines = lines.filter((other) => other !== line); keep(); byId("pick")?.focus(); });
      entry.append(name, " ", state, " ", drop);
      return entry;
    }));
  }

  function send() {
    window.clearTimeout(retry);
    const line = lines.find((one) => !one.refused);
    const sheet = document.querySelector("#sheet .sheet");
    if (sending || !line || !byId("entry")) return;
    sending = true;
    // The version it was first sent with: if the order took it, and the answer was lost, it is not taken twice.
    line.version ??= sheet.dataset.version;
    keep();
    const values = { version: line.version, barcode: line.barcode, cartons: line.cartons };
    htmx.ajax("POST", byId("entry").action, { source: list(), target: "#sheet", swap: "innerHTML settle:0ms", values }).catch(() => {});
  }

  // Back to the entry line, to be corrected, unless something else is being typed there.
  function refuse(line, status) {
    if (status === 422 && byId("pick") && !byId("pick").value) {
      lines = lines.filter((one) => one !== line);
      window.Hotline.restoreEntry(line);
    } else {
      line.refused = true;
    }
  }

  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt.id !== "unsent-lines") return;
    sending = false;
    // The list of another order is shown by now.
    if (event.detail.elt !== list()) return;
    const line = lines.find((one) => !one.refused);
    const { status } = event.detail.xhr;
    if (!line) return;
    if (status >= 200 && status < 300) {
      lines = lines.filter((one) => one !== line);
    } else if (status === 0 || status === 401 || status >= 500) {
      // The server is away, or the password is asked for: the line waits.
      line.failed = true;
      retry = window.setTimeout(send, RETRY_MS);
      keep();
      return;
    } else {
      refuse(line, status);
    }
    keep();
    send();
  });
  for (const back of ["session-renewed", "connection-back"]) document.addEventListener(back, send);
  document.addEventListener("htmx:afterSettle", (event) => { if (event.target.id === "work") { sending = false; load(); send(); } });
  window.addEventListener("beforeunload", (event) => { if (lines.some((line) => line.failed)) event.preventDefault(); });

  window.Hotline.unsentLines = {
    add(line) { lines.push(line); keep(); send(); },
    count: () => lines.length,
    sending: () => sending && !lines.some((line) => line.failed || line.refused),
  };
  load();
  send();
})();

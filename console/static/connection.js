"use strict";
// The connection to the server: event streams that are opened again until they are open, and a banner that stays as long
// as the server is away.

(() => {
  const banner = document.getElementById("server-away");
  const signIn = document.getElementById("sign-in-again");
  const OPEN_WITHIN_MS = 5000;
  const PROBE_WITHIN_MS = 4000;
  const PROBE_EVERY_MS = 2000;
  const REOPEN_MS = 5000;
  // The server sends something at least every 15 s; a stream that is silent for longer than two of these is broken.
  const SILENT_MS = 40000;
  const streams = new Set();
  let away = false;
  let probing = null;

  function goAway() {
    if (away) return;
    away = true;
    banner.hidden = false;
    probe();
  }

  function comeBack() {
    // Without a session there is no stream: the page asks for the password instead.
    if (!away || (!signIn.open && [...streams].some((stream) => !stream.isOpen))) return;
    away = false;
    banner.hidden = true;
    document.dispatchEvent(new Event("connection-back"));
  }

  // Ask the server for something small: without an answer it is away, and is asked until it is back.
  function probe() {
    probing ??= fetch(banner.dataset.probe, { cache: "no-store", signal: AbortSignal.timeout(PROBE_WITHIN_MS) })
      .then((answer) => answer.ok, () => false)
      .then((answered) => {
        probing = null;
        if (!answered) goAway();
        else if (away) { for (const stream of streams) stream.reopen(); comeBack(); }
        // Pages that were cut off together do not all ask together.
        if (away) window.setTimeout(probe, PROBE_EVERY_MS * (1 + Math.random()));
      });
  }

  // An event stream as htmx uses one. An EventSource that is refused gives up; this one waits for the new session, or
  // tries again by itself.
  class LastingStream extends EventTarget {
    #url;
    #source = null;
    #names = new Set();
    #late = null;
    #silent = null;
    #closed = false;
    isOpen = false;
    refused = false;
    onerror = null;
    onopen = null;
    // htmx need not open it again.
    readyState = EventSource.CONNECTING;

    constructor(url) {
      super();
      this.#url = url;
      streams.add(this);
      this.addEventListener("alive", () => {});
      this.reopen();
    }

    reopen() {
      if (this.#closed || this.isOpen) return;
      this.#source?.close();
      const source = new EventSource(this.#url, { withCredentials: true });
      this.#source = source;
      for (const name of this.#names) this.#forward(name);
      this.#expect();
      source.onopen = (event) => {
        this.isOpen = true;
        this.refused = false;
        window.clearTimeout(this.#late);
        this.#hear();
        this.onopen?.(event);
        comeBack();
      };
      source.onerror = (event) => {
        this.isOpen = false;
        this.refused = source.readyState === EventSource.CLOSED;
        if (this.refused) window.setTimeout(() => this.reopen(), REOPEN_MS);
        this.#expect();
        this.onerror?.(event);
        probe();
      };
    }

    addEventListener(name, listener, options) {
      super.addEventListener(name, listener, options);
      if (this.#names.has(name)) return;
      this.#names.add(name);
      if (this.#source !== null) this.#forward(name);
    }

    close() {
      this.#closed = true;
      streams.delete(this);
      window.clearTimeout(this.#late);
      window.clearTimeout(this.#silent);
      this.#source.close();
    }

    #forward(name) {
      this.#source.addEventListener(name, ({ data }) => { this.#hear(); this.dispatchEvent(new MessageEvent(name, { data })); });
    }

    #expect() {
      window.clearTimeout(this.#late);
      this.#late = window.setTimeout(() => { if (!this.#closed && !this.isOpen && !signIn.open) goAway(); }, OPEN_WITHIN_MS);
    }

    #hear() {
      window.clearTimeout(this.#silent);
      this.#silent = window.setTimeout(() => { this.isOpen = false; this.reopen(); probe(); }, SILENT_MS);
    }
  }

  htmx.createEventSource = (url) => new LastingStream(url);
  for (const broken of ["htmx:sendError", "htmx:timeout"]) document.addEventListener(broken, probe);
  window.addEventListener("offline", goAway);
  window.addEventListener("online", probe);
  document.addEventListener("session-renewed", () => { for (const stream of streams) stream.reopen(); });
  // A page that is left closes its streams: that is no fault of the server's.
  window.addEventListener("pageshow", (event) => { if (event.persisted) window.location.reload(); });
  window.addEventListener("pagehide", () => { for (const stream of [...streams]) stream.close(); });
})();

"use strict";
// The operator's softphone in a window of its own. The other pages are told of its call, and may answer, mute and end it,
// so that none of them has to stay open for it.
//
// The telephone itself is the carrier's, or in the demo the simulator's: one of the scripts in telephones/. It offers
// `Hotline.openTelephone(credentials, page)`, which resolves once calls can come in, with what can be done with a call
// (answer, decline, hangUp, mute(muted), press(keys); say(text) if canType), and reports to `page.on`.

(() => {
  const panel = document.getElementById("softphone");
  const words = JSON.parse(panel.dataset.words);
  const byId = (id) => document.getElementById(id);
  const channel = new BroadcastChannel("hotline-softphone");
  const { ringer } = window.Hotline;
  const AUTO_ANSWER_MS = 30000;
  const RECONNECT_MS = 3000;
  // A window that is loaded again finds its own lock taken for a moment.
  const LOCK_WITHIN_MS = 3000;
  const NAME_KNOWN_WITHIN_MS = 1000;
  const TONES = { ready: "good", incoming: "bad", connecting: "warn", talking: "good", wrap_up: "warn" };

  let line = null;
  let connecting = null;
  let state = "off";
  let muted = false;
  // A call taken at the desk is answered automatically when it rings before this time.
  let autoAnswerUntil = 0;
  let notification = null;
  let leaving = false;

  const token = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];

  async function post(url, fields = {}) {
    const headers = { "X-CSRFToken": token(), "HX-Request": "true" };
    const answer = await fetch(url, { method: "POST", headers, body: new URLSearchParams(fields) });
    if (!answer.ok) throw new Error(await answer.text());
    return answer;
  }
  const credentials = async () => (await post(panel.dataset.token)).json();

  // --- display, here and on the other pages

  function shown() {
    const facts = byId("call-facts").dataset;
    const inWrapUp = state === "ready" && facts.wrapsUpUntil !== "";
    return {
      kind: "state",
      state: inWrapUp ? "wrap_up" : state,
      muted,
      caller: facts.caller,
      reason: state === "incoming" ? facts.reason : "",
      order: facts.order,
      since: state === "talking" ? facts.talksSince : "",
      until: inWrapUp ? facts.wrapsUpUntil : "",
    };
  }

  function show() {
    const now = shown();
    byId("softphone-state").textContent = words[now.state];
    byId("softphone-state").className = `tag ${TONES[now.state] ?? ""}`;
    byId("softphone-answer").hidden = byId("softphone-decline").hidden = state !== "incoming";
    byId("softphone-hang-up").hidden = state !== "talking" && state !== "connecting";
    byId("softphone-mute").hidden = byId("softphone-keys").hidden = state !== "talking";
    byId("softphone-mute").setAttribute("aria-pressed", String(muted));
    byId("softphone-typing").hidden = !(line?.canType && state === "talking");
    panel.classList.toggle("rings", state === "incoming");
    window.Hotline.showCaller(byId("softphone-caller"), now, words);
    document.title = (state === "incoming" ? "☎ " : "") + document.title.replace(/^☎ /, "");
    channel.postMessage(now);
  }

  function change(next) {
    state = next;
    if (state !== "talking") muted = false;
    if (state === "incoming") { ringer.start(); window.setTimeout(notify, NAME_KNOWN_WITHIN_MS); }
    else { ringer.stop(); notification?.close(); notification = null; }
    show();
  }

  function notify() {
    if (state !== "incoming" || notification !== null || window.Notification?.permission !== "granted") return;
    const { caller, reason } = shown();
    notification = new Notification(`☎ ${words.incoming} · ${caller || words.unknown}`, { body: `${reason}  F8`, tag: "incoming", requireInteraction: true });
    notification.onclick = () => window.focus();
  }

  function mute() {
    if (state !== "talking") return;
    muted = !muted;
    line?.mute(muted);
    show();
  }

  function write(who, text) {
    const entry = document.createElement("li");
    entry.className = who;
    entry.textContent = text;
    byId("softphone-said").append(entry);
    byId("softphone-said").scrollTop = byId("softphone-said").scrollHeight;
  }

  // What a telephone reports.
  const on = {
    incoming() {
      byId("softphone-said").replaceChildren();
      if (Date.now() < autoAnswerUntil) { autoAnswerUntil = 0; line.answer(); return; }
      change("incoming");
    },
    connecting() { change("connecting"); },
    talking() { change("talking"); },
    ended() { change("ready"); },
    said: write,
    // The call goes on.
    failed(reason) { window.Hotline.showError(reason); },
    closed(reason) {
      line = null;
      change("off");
      if (leaving) return;
      window.Hotline.showError(reason);
      window.setTimeout(connect, RECONNECT_MS);
    },
    // The operator opened the telephone in another browser.
    replaced() {
      line = null;
      leaving = true;
      change("off");
      window.Hotline.showError(words.twice);
    },
  };
  const page = { on, words, credentials, worklet: panel.dataset.worklet };

  // Connect, and again until it succeeds. The operator is rung only while the telephone is connected.
  function connect() {
    connecting ??= (async () => {
      if (line !== null) return;
      line = await window.Hotline.openTelephone(await credentials(), page);
      change("ready");
    })().catch((error) => on.closed(error.message)).finally(() => { connecting = null; });
    return connecting;
  }

  // --- the beginning: one window only, and sound, which browsers allow after a click

  async function begin() {
    byId("softphone-begin").hidden = true;
    await connect();
    if (line !== null) post(panel.dataset.ready, { device: "browser" }).catch((error) => window.Hotline.showError(error.message));
  }

  async function start() {
    showNotifications();
    if (!window.isSecureContext) { window.Hotline.showError(words.insecure); return; }
    navigator.locks.request("hotline-softphone", { signal: AbortSignal.timeout(LOCK_WITHIN_MS) }, async () => {
      if (await ringer.mayRing()) begin();
      else byId("softphone-begin").hidden = false;
      // Held until the window is gone.
      await new Promise(() => {});
    }).catch(() => { leaving = true; window.Hotline.showError(words.twice); window.close(); });
  }

  byId("softphone-begin").addEventListener("click", () => { askForNotifications(); begin(); });

  function showNotifications() {
    const permission = window.Notification?.permission;
    byId("notifications-off").hidden = permission !== "default";
    byId("notifications-blocked").hidden = permission !== "denied";
  }

  async function askForNotifications() {
    if (window.Notification?.permission === "default") await Notification.requestPermission();
    showNotifications();
  }

  // --- the page around it, and the other pages

  const onMessage = {
    ask: show,
    answer: () => line?.answer(),
    decline: () => line?.decline(),
    "hang-up": () => line?.hangUp(),
    mute,
    "auto-answer": () => { autoAnswerUntil = Date.now() + AUTO_ANSWER_MS; },
    "sign-out": () => { leaving = true; window.close(); },
  };
  channel.addEventListener("message", ({ data }) => onMessage[data.kind]?.());

  document.addEventListener("htmx:sseMessage", () => { show(); if (byId("call-facts").dataset.reason) notify(); });
  document.addEventListener("keydown", (event) => {
    const typed = event.target.closest("input") !== null || event.ctrlKey || event.altKey || event.metaKey;
    if (state === "talking" && !typed && /^[0-9*#]$/.test(event.key)) { line?.press(event.key); return; }
    if (event.code !== "F8") return;
    event.preventDefault();
    if (state !== "incoming" || event.repeat) return;
    if (event.shiftKey) line?.decline();
    else line?.answer();
  });
  byId("softphone-answer").addEventListener("click", () => line?.answer());
  byId("softphone-decline").addEventListener("click", () => line?.decline());
  byId("softphone-hang-up").addEventListener("click", () => line?.hangUp());
  byId("softphone-mute").addEventListener("click", mute);
  for (const button of byId("softphone-keys").querySelectorAll("button")) button.addEventListener("click", () => line?.press(button.dataset.key));
  byId("softphone-typing").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = byId("softphone-text").value.trim();
    if (text) line?.say(text);
    byId("softphone-text").value = "";
  });

  byId("ring-volume").value = ringer.volume();
  byId("ring-volume").addEventListener("input", (event) => ringer.setVolume(event.target.value));
  byId("ring-test").addEventListener("click", () => ringer.test());
  byId("notifications-on").addEventListener("click", askForNotifications);

  window.addEventListener("beforeunload", (event) => {
    if (["connecting", "talking"].includes(state) && !leaving) event.preventDefault();
  });
  // A telephone that is gone is not rung: its operator is paused.
  window.addEventListener("pagehide", () => {
    leaving = true;
    if (line !== null) navigator.sendBeacon(panel.dataset.pause, new URLSearchParams({ csrf_token: token() }));
    channel.postMessage({ kind: "state", state: "off" });
  });
  show();
  start();
})();

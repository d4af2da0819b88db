"use strict";
// The call of the telephone window on every other page: it rings here, is answered with F8, and is never cut off here.

(() => {
  const bar = document.getElementById("call-bar");
  if (bar === null) return;
  const words = JSON.parse(bar.dataset.words);
  const byId = (id) => document.getElementById(id);
  const channel = new BroadcastChannel("hotline-softphone");
  const ASK_EVERY_MS = 10000;
  const ANSWER_WITHIN_MS = 2000;
  const TONES = { ready: "good", incoming: "bad", connecting: "warn", talking: "good", wrap_up: "warn" };

  let phone = { state: "off" };
  let saidAt = 0;
  // A button of the desk that needs the telephone, pressed while its window was not open.
  let waiting = null;
  // The caller's order is opened on the page on which the call was answered.
  let answeredHere = false;
  let opened = byId("presence-state")?.dataset.call ?? "";

  const tell = (kind) => channel.postMessage({ kind });

  function show() {
    const { state } = phone;
    byId("softphone-state").textContent = words[state];
    byId("softphone-state").className = `tag ${TONES[state] ?? ""}`;
    byId("softphone-answer").hidden = byId("softphone-decline").hidden = state !== "incoming";
    byId("softphone-hang-up").hidden = state !== "talking" && state !== "connecting";
    byId("softphone-mute").hidden = state !== "talking";
    byId("softphone-mute").setAttribute("aria-pressed", String(phone.muted === true));
    bar.classList.toggle("rings", state === "incoming");
    window.Hotline.showCaller(byId("softphone-caller"), phone, words);
    const order = byId("softphone-order");
    order.hidden = !phone.order || phone.order === window.location.pathname || byId("presence-state") !== null;
    if (phone.order) order.href = phone.order;
    if (!byId("presence-state")) bar.hidden = ["off", "ready"].includes(state);
    document.title = (state === "incoming" ? "☎ " : "") + document.title.replace(/^☎ /, "");
    if (state === "incoming") window.Hotline.ringer.start();
    else window.Hotline.ringer.stop();
  }

  function apply(told) {
    phone = told;
    show();
    if (["ready", "wrap_up"].includes(phone.state) && waiting !== null) {
      // The desk is live: by now another button may stand in its place.
      const pressed = window.Hotline.current(waiting);
      waiting = null;
      pressed?.click();
    }
    if (answeredHere && phone.state === "talking" && phone.order && byId("presence-state") === null) {
      answeredHere = false;
      if (phone.order !== window.location.pathname) window.location.assign(phone.order);
    }
  }

  channel.addEventListener("message", ({ data }) => {
    if (data.kind !== "state") return;
    saidAt = Date.now();
    apply(data);
  });

  // A window that was closed says so; one that broke down is missed.
  function ask() {
    const askedAt = Date.now();
    tell("ask");
    window.setTimeout(() => { if (saidAt < askedAt && phone.state !== "off") apply({ state: "off" }); }, ANSWER_WITHIN_MS);
  }

  // An open window is only brought to the front: loading it again would hang up.
  function openWindow() {
    const telephone = window.open("", "hotline-softphone", "popup,width=400,height=620");
    if (telephone === null) window.Hotline.showError(words.blocked);
    else if (telephone.location.href === "about:blank") telephone.location.href = bar.dataset.window;
    return telephone !== null;
  }

  function answer() { answeredHere = true; tell("answer"); }

  document.addEventListener("keydown", (event) => {
    if (event.code !== "F8" || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    if (phone.state !== "incoming" || event.repeat) return;
    if (event.shiftKey) tell("decline");
    else answer();
  });

  // Pressed with the mouse, the buttons leave the focus in the field in which a line is being typed.
  bar.addEventListener("mousedown", (event) => { if (event.target.closest("button")) event.preventDefault(); });
  byId("softphone-answer").addEventListener("click", answer);
  byId("softphone-decline").addEventListener("click", () => tell("decline"));
  byId("softphone-mute").addEventListener("click", () => tell("mute"));
  byId("softphone-hang-up").addEventListener("click", () => tell("hang-up"));

  // Nobody is called at a telephone that is not there: its window is opened first, and the press counts then.
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-needs-softphone]");
    if (!button) return;
    const inBrowser = button.dataset.needsSoftphone === "always" || byId("presence-state")?.dataset.device === "browser";
    if (!inBrowser) return;
    if (phone.state !== "off") {
      if (button.dataset.needsSoftphone !== "always") tell("auto-answer");
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    if (openWindow()) waiting = button;
  }, true);

  document.addEventListener("submit", (event) => {
    if (event.target.id !== "sign-out") return;
    if (["connecting", "talking"].includes(phone.state)) {
      event.preventDefault();
      window.Hotline.showError(words.in_call);
    } else {
      tell("sign-out");
    }
  });

  // --- the desk: the order of the call just connected is opened

  // True if something was typed in a form of the page that would be lost with it; the entry line is kept by itself.
  function isTyped() {
    return [...document.querySelectorAll("#work input:not([type=hidden]), #work textarea")]
      .some((field) => !field.closest("#entry") && field.id !== "retailer-search" && field.type !== "checkbox" && field.value !== field.defaultValue);
  }

  function openOrder() {
    const call = byId("presence-state")?.dataset.call;
    if (call === undefined || call === opened) return;
    opened = call;
    const link = byId("open-current-order");
    if (!call || window.location.pathname === link.getAttribute("href") || isTyped()) return;
    htmx.process(link);
    link.click();
  }

  document.addEventListener("htmx:afterSettle", () => { openOrder(); show(); });
  window.setInterval(ask, ASK_EVERY_MS);
  ask();
  show();
})();

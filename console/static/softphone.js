"use strict";
// The operator's softphone in the browser: the carrier's own, or in the demo the simulator's. It lives outside of #work,
// which is swapped during a call; a page load would hang up.

(() => {
  const panel = document.getElementById("softphone");
  const words = JSON.parse(panel.dataset.words);
  const byId = (id) => document.getElementById(id);
  const AUTO_ANSWER_MS = 30000;

  let line = null;
  let connecting = null;
  // A call taken at the desk is answered automatically when it rings before this time.
  let autoAnswerUntil = 0;
  let opened = "";

  const token = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];

  async function fetchToken() {
    const answer = await fetch(panel.dataset.token, { method: "POST", headers: { "X-CSRFToken": token(), "HX-Request": "true" } });
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  }

  // --- display

  function show(state, tone) {
    byId("softphone-state").textContent = words[state];
    byId("softphone-state").className = `tag ${tone}`;
    byId("softphone-answer").hidden = state !== "incoming";
    byId("softphone-decline").hidden = state !== "incoming";
    byId("softphone-hang-up").hidden = state !== "talking" && state !== "connecting";
    byId("softphone-typing").hidden = !(line?.canType && state === "talking");
    if (state === "incoming") document.title = `☎ ${document.title.replace(/^☎ /, "")}`;
    else document.title = document.title.replace(/^☎ /, "");
  }

  function write(who, text) {
    const entry = document.createElement("li");
    entry.className = who;
    entry.textContent = text;
    byId("softphone-said").append(entry);
    byId("softphone-said").scrollTop = byId("softphone-said").scrollHeight;
  }

  const handlers = {
    ready() { show("ready", "good"); },
    incoming() {
      byId("softphone-said").replaceChildren();
      if (Date.now() < autoAnswerUntil) { autoAnswerUntil = 0; line.answer(); return; }
      show("incoming", "bad");
      byId("softphone-answer").focus();
    },
    connecting() { show("connecting", "warn"); },
    talking() { show("talking", "good"); },
    ended() { show("ready", "good"); },
    said(text) { write("line", text); },
    closed(reason) {
      line = null;
      show("off", "");
      if (reason) window.Hotline.showError(words.failed + reason);
    },
  };

  // --- the two kinds of softphone: canType, answer(), decline(), hangUp(), say(text)

  async function openCarrier(first) {
    const { Device } = window.Twilio;
    const device = new Device(first.token, { closeProtection: true });
    for (const sound of ["incoming", "outgoing", "disconnect"]) device.audio?.[sound](false);
    let call = null;
    device.on("tokenWillExpire", async () => device.updateToken((await fetchToken()).token));
    device.on("error", (error) => { if (call === null) handlers.closed(error.message); else window.Hotline.showError(words.failed + error.message); });
    device.on("incoming", (incoming) => {
      if (call !== null) { incoming.reject(); return; }
      call = incoming;
      const ended = () => { if (call === incoming) { call = null; handlers.ended(); } };
      for (const end of ["cancel", "disconnect", "reject", "error"]) incoming.on(end, ended);
      incoming.on("accept", handlers.talking);
      handlers.incoming();
    });
    await device.register();
    return {
      canType: false,
      answer: () => call?.accept(),
      decline: () => call?.reject(),
      hangUp: () => call?.disconnect(),
      say: () => {},
    };
  }

  function openSimulator(first) {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(new URL(first.url, window.location.href.replace(/^http/, "ws")));
      socket.binaryType = "arraybuffer";
      const send = (command) => socket.send(JSON.stringify(command));
      const player = new window.Hotline.Player();
      let microphone = null;
      const closeMicrophone = () => { microphone?.close(); microphone = null; };
      const onEvent = {
        Incoming: () => handlers.incoming(),
        Said: (event) => { if (!event.text.startsWith("[")) handlers.said(event.text); },
        PartnerSpoke: (event) => write("caller", event.words),
        Connected: () => {
          handlers.talking();
          window.Hotline.openMicrophone(panel.dataset.worklet, (sound) => socket.send(sound)).then((opened) => { microphone = opened; }).catch(() => {});
        },
        Disconnected: () => { closeMicrophone(); handlers.connecting(); },
        Ended: () => { closeMicrophone(); handlers.ended(); },
        SimulatorUnreachable: () => { reject(new Error(words.simulator)); },
      };
      socket.onmessage = ({ data }) => {
        if (typeof data !== "string") { player.play(new Uint8Array(data)); return; }
        const event = JSON.parse(data);
        onEvent[event.event]?.(event);
      };
      socket.onopen = () => resolve({
        canType: true,
        answer: () => { send({ command: "answer" }); handlers.connecting(); },
        decline: () => send({ command: "hang_up" }),
        hangUp: () => send({ command: "hang_up" }),
        say: (text) => { send({ command: "speak", words: text, mulaw: "" }); write("me", text); },
      });
      socket.onclose = () => { closeMicrophone(); reject(new Error(words.lost)); if (line !== null) handlers.closed(words.lost); };
    });
  }

  // True once the softphone can be called; on failure the operator is paused.
  function connect() {
    connecting ??= (async () => {
      if (line !== null) return true;
      const first = await fetchToken();
      line = await (first.kind === "carrier" ? openCarrier(first) : openSimulator(first));
      handlers.ready();
      return true;
    })().catch((error) => {
      handlers.closed(error.message);
      htmx.ajax("POST", panel.dataset.pause, { swap: "none" });
      return false;
    }).finally(() => { connecting = null; });
    return connecting;
  }

  // --- the page around it

  function applyPresence() {
    const presence = byId("presence-state");
    if (!presence) return;
    if (presence.dataset.device === "browser" && presence.dataset.ready && line === null) connect();
    // The order of the call just connected is opened.
    const call = presence.dataset.call;
    if (call !== opened) {
      opened = call;
      const open = byId("open-current-order");
      if (call && window.location.pathname !== open.getAttribute("href")) {
        // Just swapped in, the link may not be processed by htmx yet; as an ordinary link it would hang up.
        htmx.process(open);
        open.click();
      }
    }
  }

  document.addEventListener("htmx:afterSettle", applyPresence);
  // A ready operator is called at once, so the softphone connects first.
  document.addEventListener("click", async (event) => {
    if (event.target.id === "softphone-begin" && await connect()) htmx.trigger("#softphone-begin", "softphone-ready");
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.requestConfig.path.endsWith("/take") && line !== null) autoAnswerUntil = Date.now() + AUTO_ANSWER_MS;
  });
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.requestConfig.path.endsWith("/take")) autoAnswerUntil = 0;
  });

  byId("softphone-answer").addEventListener("click", () => line?.answer());
  byId("softphone-decline").addEventListener("click", () => line?.decline());
  byId("softphone-hang-up").addEventListener("click", () => line?.hangUp());
  byId("softphone-typing").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = byId("softphone-text").value.trim();
    if (text) line?.say(text);
    byId("softphone-text").value = "";
  });
  applyPresence();
})();

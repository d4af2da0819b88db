"use strict";
// The operator's softphone in the browser: the carrier's own, or in the demo the simulator's. It lives outside of #work,
// which is swapped during a call; a page load would hang up.

(() => {
  const panel = document.getElementById("softphone");
  const words = JSON.parse(panel.dataset.words);
  const byId = (id) => document.getElementById(id);
  const EXPECTED_MS = 30000;

  let line = null;
  let connecting = null;
  // A call taken at the desk is answered automatically when it rings before this time.
  let expectedUntil = 0;
  let opened = "";

  const token = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];

  async function ask() {
    const answer = await fetch(panel.dataset.token, { method: "POST", headers: { "X-CSRFToken": token(), "HX-Request": "true" } });
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  }

  // --- display

  function show(state, tone) {
    byId("softphone-state").textContent = words[state];
    byId("softphone-state").className = `tag ${tone}`;
    byId("softphone-answer").hidden = state !== "rings";
    byId("softphone-decline").hidden = state !== "rings";
    byId("softphone-hang-up").hidden = state !== "talks" && state !== "waits";
    byId("softphone-typing").hidden = !(line?.canType && state === "talks");
    if (state === "rings") document.title = `☎ ${document.title.replace(/^☎ /, "")}`;
    else document.title = document.title.replace(/^☎ /, "");
  }

  function write(who, text) {
    const entry = document.createElement("li");
    entry.className = who;
    entry.textContent = text;
    byId("softphone-said").append(entry);
    byId("softphone-said").scrollTop = byId("softphone-said").scrollHeight;
  }

  const happens = {
    ready() { show("ready", "good"); },
    rings() {
      byId("softphone-said").replaceChildren();
      if (Date.now() < expectedUntil) { expectedUntil = 0; line.answer(); return; }
      show("rings", "bad");
      byId("softphone-answer").focus();
    },
    waits() { show("waits", "warn"); },
    talks() { show("talks", "good"); },
    over() { show("ready", "good"); },
    hears(text) { write("line", text); },
    gone(reason) {
      line = null;
      show("off", "");
      if (reason) window.Hotline.complain(words.failed + reason);
    },
  };

  // --- the two kinds of softphone: canType, answer(), decline(), hangUp(), say(text)

  async function openCarrier(first) {
    const { Device } = window.Twilio;
    const device = new Device(first.token, { closeProtection: true });
    for (const sound of ["incoming", "outgoing", "disconnect"]) device.audio?.[sound](false);
    let call = null;
    device.on("tokenWillExpire", async () => device.updateToken((await ask()).token));
    device.on("error", (error) => { if (call === null) happens.gone(error.message); else window.Hotline.complain(words.failed + error.message); });
    device.on("incoming", (incoming) => {
      if (call !== null) { incoming.reject(); return; }
      call = incoming;
      const over = () => { if (call === incoming) { call = null; happens.over(); } };
      for (const end of ["cancel", "disconnect", "reject", "error"]) incoming.on(end, over);
      incoming.on("accept", happens.talks);
      happens.rings();
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

  function openStandIn(first) {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(new URL(first.address, window.location.href.replace(/^http/, "ws")));
      socket.binaryType = "arraybuffer";
      const send = (wish) => socket.send(JSON.stringify(wish));
      const player = new window.Hotline.Player();
      let microphone = null;
      const quiet = () => { microphone?.close(); microphone = null; };
      const told = {
        Incoming: () => happens.rings(),
        Said: (event) => { if (!event.text.startsWith("[")) happens.hears(event.text); },
        OtherSpoke: (event) => write("caller", event.words),
        Connected: () => {
          happens.talks();
          window.Hotline.openMicrophone(panel.dataset.worklet, (sound) => socket.send(sound)).then((opened) => { microphone = opened; }).catch(() => {});
        },
        Disconnected: () => { quiet(); happens.waits(); },
        Ended: () => { quiet(); happens.over(); },
        NoStandIn: () => { reject(new Error(words.standin)); },
      };
      socket.onmessage = ({ data }) => {
        if (typeof data !== "string") { player.play(new Uint8Array(data)); return; }
        const event = JSON.parse(data);
        told[event.event]?.(event);
      };
      socket.onopen = () => resolve({
        canType: true,
        answer: () => { send({ do: "answer" }); happens.waits(); },
        decline: () => send({ do: "hang_up" }),
        hangUp: () => send({ do: "hang_up" }),
        say: (text) => { send({ do: "speak", words: text, mulaw: "" }); write("me", text); },
      });
      socket.onclose = () => { quiet(); reject(new Error(words.lost)); if (line !== null) happens.gone(words.lost); };
    });
  }

  // True once the softphone can be called; on failure the operator is paused.
  function connect() {
    connecting ??= (async () => {
      if (line !== null) return true;
      const first = await ask();
      line = await (first.kind === "twilio" ? openCarrier(first) : openStandIn(first));
      happens.ready();
      return true;
    })().catch((error) => {
      happens.gone(error.message);
      htmx.ajax("POST", panel.dataset.pause, { swap: "none" });
      return false;
    }).finally(() => { connecting = null; });
    return connecting;
  }

  // --- the page around it

  function look() {
    const duty = byId("duty-now");
    if (!duty) return;
    if (duty.dataset.reach === "browser" && duty.dataset.ready && line === null) connect();
    // The order of the call just connected is opened.
    const now = duty.dataset.now;
    if (now !== opened) {
      opened = now;
      const open = byId("open-now");
      if (now && window.location.pathname !== open.getAttribute("href")) {
        // Just swapped in, the link may not be processed by htmx yet; as an ordinary link it would hang up.
        htmx.process(open);
        open.click();
      }
    }
  }

  document.addEventListener("htmx:afterSettle", look);
  // A ready operator is called at once, so the softphone connects first.
  document.addEventListener("click", async (event) => {
    if (event.target.id === "softphone-begin" && await connect()) htmx.trigger("#softphone-begin", "softphone-ready");
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.requestConfig.path.endsWith("/take") && line !== null) expectedUntil = Date.now() + EXPECTED_MS;
  });
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.requestConfig.path.endsWith("/take")) expectedUntil = 0;
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
  look();
})();

"use strict";
// The telephone of the demo's simulator, as softphone.js drives it.

window.Hotline.openTelephone = ({ url }, { on, words, worklet }) => new Promise((resolve, reject) => {
  const socket = new WebSocket(new URL(url, window.location.href.replace(/^http/, "ws")));
  socket.binaryType = "arraybuffer";
  const send = (command) => socket.send(JSON.stringify(command));
  const player = new window.Hotline.Player();
  let microphone = null;
  let muted = false;
  let opened = false;
  const closeMicrophone = () => { microphone?.close(); microphone = null; muted = false; };
  // Whoever is called before that cannot be reached.
  const registered = () => {
    opened = true;
    resolve({
      canType: true,
      answer: () => { send({ command: "answer" }); on.connecting(); },
      decline: () => send({ command: "hang_up" }),
      hangUp: () => send({ command: "hang_up" }),
      mute: (off) => { muted = off; },
      press: (keys) => send({ command: "keys", keys }),
      say: (text) => { send({ command: "speak", words: text, mulaw: "" }); on.said("me", text); },
    });
  };
  const onEvent = {
    Registered: registered,
    Incoming: () => on.incoming(),
    Said: (event) => { if (!event.text.startsWith("[")) on.said("line", event.text); },
    PartnerSpoke: (event) => on.said("caller", event.words),
    Connected: () => {
      on.talking();
      window.Hotline.openMicrophone(worklet, (sound) => { if (!muted) socket.send(sound); }).then((open) => { microphone = open; }).catch(() => {});
    },
    Disconnected: () => { closeMicrophone(); on.connecting(); },
    Ended: () => { closeMicrophone(); on.ended(); },
    SimulatorUnreachable: () => { reject(new Error(words.simulator)); },
  };
  socket.onmessage = ({ data }) => {
    if (typeof data !== "string") { player.play(new Uint8Array(data)); return; }
    const event = JSON.parse(data);
    onEvent[event.event]?.(event);
  };
  socket.onclose = () => { closeMicrophone(); reject(new Error(words.lost)); if (opened) on.closed(words.lost); };
});

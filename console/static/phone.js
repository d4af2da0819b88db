"use strict";
// The web phone: keys and speech are sent to the hotline; what the hotline says is shown and spoken.

(() => {
  const phone = document.getElementById("phone");
  const words = JSON.parse(phone.dataset.words);
  const byId = (id) => document.getElementById(id);
  const status = byId("status");
  const transcript = byId("transcript");
  const progress = byId("progress");
  const PIECE = 6000;

  let socket = null;
  let callKey = null;
  let microphone = null;
  let refreshing = 0;
  let player = null;
  let music = null;
  let levelTimer = 0;
  // The turns that are shown in the conversation as they were heard.
  let heardTurns = 0;
  // An operator is connected: typed text is said to them, and not to the dialogue.
  let operatorConnected = false;

  // --- display

  function show(kind, who, text, english) {
    transcript.querySelector(".note")?.remove();
    const entry = document.createElement("li");
    entry.className = kind;
    const name = document.createElement("span");
    name.className = "speaker";
    name.textContent = who;
    const said = document.createElement("span");
    said.className = "said";
    said.textContent = text;
    entry.append(name, said);
    if (english) {
      const gloss = document.createElement("span");
      gloss.className = "gloss";
      gloss.lang = "en";
      gloss.textContent = english;
      entry.append(gloss);
    }
    transcript.append(entry);
    transcript.scrollTop = transcript.scrollHeight;
    return entry;
  }

  function state(word, tone) {
    status.textContent = words[word];
    status.className = `tag ${tone}`;
  }

  function enable(talking) {
    byId("call").disabled = talking;
    byId("from").disabled = talking;
    byId("to").disabled = talking;
    byId("hang-up").disabled = !talking;
    phone.classList.toggle("talking", talking);
    for (const button of phone.querySelectorAll("[data-key], .sample, #text, #say, #microphone")) button.disabled = !talking;
  }

  async function refresh() {
    if (callKey === null) return;
    const mine = ++refreshing;
    const answer = await fetch(phone.dataset.calls + callKey, { headers: { "HX-Request": "true" } });
    if (!answer.ok || mine !== refreshing) return;
    const html = await answer.text();
    if (progress.dataset.shown !== html) {
      progress.innerHTML = html;
      progress.dataset.shown = html;
    }
    const awaited = byId("awaited-input")?.dataset.input ?? "";
    hideTyped(awaited === "pin");
    sort(awaited);
    showHeard();
  }

  // A PIN is not to be read from the screen. One that was typed is refused by the line, which takes it by keys only.
  function hideTyped(secret) { byId("text").type = secret ? "password" : "text"; }

  // What the line has heard of a turn is shown under what was said; live speech has no words but these.
  function showHeard() {
    for (const turn of [...progress.querySelectorAll(".turns li[value]")].reverse()) {
      if (turn.value <= heardTurns) continue;
      heardTurns = turn.value;
      if (turn.dataset.heard === undefined) continue;
      const said = [...transcript.querySelectorAll(".caller:not(.keys):not(:has(.heard))")];
      const same = said.find((one) => one.querySelector(".said").textContent === turn.dataset.heard);
      const entry = same ?? said.at(-1) ?? show("caller", words.you, "", "");
      const heard = document.createElement("span");
      heard.className = "heard";
      heard.append(`${words.heard}：`, ...[...turn.childNodes].map((node) => node.cloneNode(true)));
      entry.append(heard);
      transcript.scrollTop = transcript.scrollHeight;
    }
  }

  // The recordings that answer the awaited input come first, the others stay in their order behind them.
  const samples = [...phone.querySelectorAll(".sample")];
  let sortedFor = "";

  function sort(awaited) {
    if (awaited === sortedFor) return;
    sortedFor = awaited;
    const focused = document.activeElement;
    for (const sample of samples) {
      sample.classList.toggle("answers", awaited !== "" && sample.dataset.answersTo.split(" ").includes(awaited));
    }
    const answers = samples.filter((sample) => sample.classList.contains("answers"));
    byId("samples").append(...answers, ...samples.filter((sample) => !answers.includes(sample)));
    if (samples.includes(focused)) focused.focus({ preventScroll: true });
  }

  // --- speech output and events

  // The line's own voice comes first; where it lacks a part of the sentence, the browser's Chinese voice, if it has one.
  function speak(event) {
    if (!byId("voice").checked) return;
    if (event.sound && (event.whole || !chineseVoice())) {
      unplayed.push(event.sound);
      if (playing === null) playNext();
    } else if (window.speechSynthesis) synthesize(event.text);
  }

  // One sentence after the other: the next may come before this one is over.
  const unplayed = [];
  let playing = null;

  function playNext() {
    const path = unplayed.shift();
    playing = path === undefined ? null : new Audio(path);
    if (playing === null) return;
    const mine = playing;
    const over = () => { if (playing === mine) playNext(); };
    mine.addEventListener("ended", over);
    mine.play().catch(over);
  }

  function synthesize(text) {
    const utterance = new SpeechSynthesisUtterance(text);
    utterance.lang = "zh-CN";
    const voice = chineseVoice();
    if (voice) utterance.voice = voice;
    utterance.rate = 1.1;
    window.speechSynthesis.speak(utterance);
  }

  function stopSpeaking() {
    unplayed.length = 0;
    playing?.pause();
    playing = null;
    window.speechSynthesis?.cancel();
  }

  const voices = () => window.speechSynthesis?.getVoices() ?? [];
  const chineseVoice = () => voices().find((voice) => /^(zh|cmn)/i.test(voice.lang));

  // Browsers load their voices late, so one without any is believed after a while only.
  const VOICES_WITHIN_MS = 2000;
  function lookForVoice() { byId("no-voice").hidden = "lineSpeaks" in phone.dataset || chineseVoice() !== undefined; }
  window.speechSynthesis?.addEventListener?.("voiceschanged", lookForVoice);
  if (voices().length || !window.speechSynthesis) lookForVoice();
  else window.setTimeout(lookForVoice, VOICES_WITHIN_MS);

  // Browsers offer microphones on pages from this machine or over https only.
  async function lookForMicrophone() {
    const devices = await navigator.mediaDevices?.enumerateDevices().catch(() => []) ?? [];
    byId("no-microphone").hidden = devices.some((device) => device.kind === "audioinput");
  }
  navigator.mediaDevices?.addEventListener("devicechange", lookForMicrophone);
  lookForMicrophone();
  byId("voice").addEventListener("change", stopSpeaking);

  const handlers = {
    CallPlaced(event) { callKey = event.call_sid; state("talking", "good"); },
    Said(event) {
      const sound = event.sound === undefined && event.text.match(/^\[(.*\.wav)\]$/);
      if (sound) {
        if (byId("voice").checked) { music = new Audio(new URL(sound[1]).pathname); music.play().catch(() => {}); }
        return;
      }
      handlers.entry = show("line", words.line, event.text, event.gloss);
      hideTyped(event.secret);
      speak(event);
      refresh();
    },
    SpeakingStopped(event) {
      music?.pause();
      music = null;
      if (!event.cut_short) return;
      stopSpeaking();
      if (handlers.entry) handlers.entry.querySelector(".said").append(words.cut);
    },
    CallerSpoke(event) { if (event.words) show("caller", words.you, event.words, english(event.words)); },
    KeyPressed(event) {
      const last = transcript.lastElementChild;
      if (last?.classList.contains("keys")) last.querySelector(".said").append(event.key);
      else show("caller keys", words.you, event.key, "");
    },
    Queued() { state("queue", "warn"); },
    Connected() { operatorConnected = true; stopSpeaking(); state("operator_connected", "good"); },
    Disconnected() { operatorConnected = false; state("talking", "good"); },
    PartnerSpoke(event) { show("line", words.operator, event.words, ""); },
    DebuggerAlert(event) { show("problem", words.problem, `${event.code}: ${event.message}`, ""); },
    SimulatorUnreachable() { show("problem", "", words.simulator, ""); callEnded(); },
    Ended() { callEnded(); },
  };

  function english(chinese) {
    const sample = [...phone.querySelectorAll(".sample")].find((one) => one.dataset.zh === chinese);
    return sample ? sample.querySelector("[lang=en]").textContent : "";
  }

  // --- the call

  function send(command) {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(command));
  }

  function callEnded() {
    operatorConnected = false;
    music?.pause();
    state("ended", "");
    enable(false);
    closeMicrophone();
    refresh().finally(() => { callKey = null; });
    socket?.close();
    socket = null;
  }

  byId("dial").addEventListener("submit", (event) => {
    event.preventDefault();
    transcript.replaceChildren();
    heardTurns = 0;
    progress.replaceChildren();
    state("ringing", "warn");
    enable(true);
    const mine = new WebSocket(new URL(phone.dataset.line, window.location.href.replace(/^http/, "ws")));
    socket = mine;
    mine.onopen = () => send({ command: "call", from: byId("from").value, to: byId("to").value });
    mine.binaryType = "arraybuffer";
    player = new window.Hotline.Player();
    mine.onmessage = (message) => {
      if (typeof message.data !== "string") { player.play(new Uint8Array(message.data)); return; }
      const event = JSON.parse(message.data);
      handlers[event.event]?.(event);
    };
    mine.onclose = () => {
      if (socket !== mine) return;
      show("problem", "", words.lost, "");
      callEnded();
    };
  });

  byId("hang-up").addEventListener("click", () => { stopSpeaking(); send({ command: "hang_up" }); });

  for (const button of phone.querySelectorAll("[data-key]")) {
    button.addEventListener("click", () => send({ command: "keys", keys: button.dataset.key }));
  }
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, select, textarea");
    if (!typing && !event.ctrlKey && !event.metaKey && /^[0-9*#]$/.test(event.key)) send({ command: "keys", keys: event.key });
  });

  byId("typing").addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = byId("text").value.trim();
    if (!text || callKey === null) return;
    if (operatorConnected) {
      send({ command: "speak", words: text, mulaw: "" });
      byId("text").value = "";
      return;
    }
    const token = JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
    const answer = await fetch(`${phone.dataset.calls}${callKey}/say`, {
      method: "POST",
      headers: { "X-CSRFToken": token, "HX-Request": "true" },
      body: new URLSearchParams({ text }),
    });
    if (answer.ok) {
      show("caller", words.you, text, english(text));
      byId("text").value = "";
    } else {
      if (byId("text").type === "password") byId("text").value = "";
      window.Hotline.showError(await answer.text());
    }
  });

  // --- sound

  for (const sample of phone.querySelectorAll(".sample")) {
    sample.addEventListener("click", async () => {
      const sound = new Uint8Array(await (await fetch(phone.dataset.samples + sample.dataset.file)).arrayBuffer());
      playBack(sound);
      let said = sample.dataset.zh;
      for (let at = 0; at < sound.length; at += PIECE) {
        const mulaw = btoa(String.fromCharCode(...sound.subarray(at, at + PIECE)));
        send({ command: "speak", mulaw, words: said });
        said = "";
      }
    });
  }

  // The recording is played here as well, so that the visitor hears what was said.
  function playBack(sound) { new window.Hotline.Player().play(sound); }

  async function openMicrophone() {
    microphone = await window.Hotline.openMicrophone(phone.dataset.worklet, (sound) => {
      if (socket?.readyState === WebSocket.OPEN) socket.send(sound);
    });
    byId("microphone").setAttribute("aria-pressed", "true");
    byId("level-line").hidden = false;
    levelTimer = window.setInterval(showLevel, LEVEL_EVERY_MS);
  }

  const LEVEL_EVERY_MS = 100;
  const SILENT_DB = -50;
  const SILENT_TIMES = 40;
  const LOUD_DB = -3;
  let silentTimes = 0;

  function showLevel() {
    const level = microphone.level();
    byId("level").value = level;
    silentTimes = level < SILENT_DB ? silentTimes + 1 : 0;
    const sentence = level > LOUD_DB ? words.loud : silentTimes >= SILENT_TIMES ? words.silent : "";
    if (byId("level-words").textContent !== sentence) byId("level-words").textContent = sentence;
  }

  function closeMicrophone() {
    if (microphone === null) return;
    window.clearInterval(levelTimer);
    byId("level-line").hidden = true;
    microphone.close();
    microphone = null;
    byId("microphone").setAttribute("aria-pressed", "false");
  }

  byId("microphone").addEventListener("click", async () => {
    if (microphone !== null) return closeMicrophone();
    try {
      await openMicrophone();
    } catch (error) {
      window.Hotline.showError(words[error.name] ?? words.microphone);
    }
  });

  window.setInterval(() => { if (socket !== null) refresh(); }, 1500);
  window.addEventListener("pagehide", stopSpeaking);
})();

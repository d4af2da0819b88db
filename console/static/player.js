"use strict";
// The player of a whole call: the waveform shows what was said where, a click on it seeks, and the speed can be chosen.

(() => {
  const panel = document.getElementById("player");
  const canvas = document.getElementById("player-waveform");
  const sound = document.getElementById("player-sound");
  const where = document.getElementById("player-where");
  const words = JSON.parse(panel.dataset.words);
  const COLUMN_PX = 2;

  let recording = null;

  const colour = (name) => getComputedStyle(panel).getPropertyValue(name).trim();
  const label = (segment) => (segment.kind === "turn" ? words.turn.replace("{n}", segment.turn) : words.talk);
  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

  function draw() {
    const scale = window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = canvas;
    canvas.width = width * scale;
    canvas.height = height * scale;
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    const played = (sound.currentTime / recording.seconds) * width;
    const columns = Math.floor(width / COLUMN_PX);
    for (let column = 0; column < columns; column += 1) {
      const at = (column / columns) * recording.seconds;
      const segment = recording.segments.find((one) => at >= one.begins && at < one.ends);
      const peak = recording.peaks[Math.floor((column / columns) * recording.peaks.length)] ?? 0;
      const tall = Math.max(1, (peak / 100) * (height - 4));
      context.globalAlpha = column * COLUMN_PX <= played ? 1 : 0.45;
      context.fillStyle = segment?.kind === "talk" ? colour("--player-talk") : colour("--player-turn");
      context.fillRect(column * COLUMN_PX, (height - tall) / 2, COLUMN_PX - 0.5, tall);
    }
    context.globalAlpha = 1;
    context.fillStyle = colour("--player-now");
    context.fillRect(Math.min(played, width - 2), 0, 2, height);
  }

  function show() {
    if (recording === null) return;
    draw();
    const segment = recording.segments.find((one) => sound.currentTime >= one.begins && sound.currentTime < one.ends);
    where.textContent = `${clock(sound.currentTime)} / ${clock(recording.seconds)}${segment ? ` · ${label(segment)}` : ""}`;
  }

  function seek(seconds) {
    sound.currentTime = Math.max(0, Math.min(seconds, recording.seconds));
    show();
  }

  function addSegments() {
    for (const segment of recording.segments) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "outline small-button";
      button.textContent = `${clock(segment.begins)} ${label(segment)}`;
      button.addEventListener("click", () => { seek(segment.begins); sound.play(); });
      document.getElementById("player-segments").append(button);
    }
  }

  canvas.addEventListener("click", (event) => {
    if (recording !== null) seek((event.offsetX / canvas.clientWidth) * recording.seconds);
  });
  document.getElementById("player-speed").addEventListener("change", (event) => { sound.playbackRate = Number(event.target.value); });
  for (const event of ["timeupdate", "seeked", "play", "pause"]) sound.addEventListener(event, show);
  window.addEventListener("resize", show);
  fetch(panel.dataset.waveform).then((answer) => answer.json()).then((found) => {
    recording = found;
    addSegments();
    show();
  });
})();

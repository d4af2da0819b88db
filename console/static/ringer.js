"use strict";
// The ringing of a call. Of all open pages one rings: the first that is allowed to make sound.

(() => {
  const VOLUME_KEY = "hotline-ring-volume";
  const DEFAULT_VOLUME = 70;
  const BURST_S = 0.4;
  const ROUND_S = 2.4;
  const TONES_HZ = [740, 932];

  // Longer than an operator's telephone rings (ivr/carrier.py: OPERATOR_RING_S).
  const ROUNDS = 30;

  let context = null;
  let stop = null;
  let loudness = null;

  // True if this page may make sound: browsers ask for a click or a key first.
  async function mayRing() {
    context ??= new AudioContext();
    if (context.state !== "running") await Promise.race([context.resume(), new Promise((later) => window.setTimeout(later, 500))]);
    return context.state === "running";
  }

  function volume() {
    const kept = window.localStorage.getItem(VOLUME_KEY);
    return kept === null ? DEFAULT_VOLUME : Number(kept);
  }

  // The ear hears ratios: half of the way is to sound half as loud.
  function setLoudness() {
    if (loudness !== null) loudness.gain.value = (volume() / 100) ** 2 * 0.5;
  }

  // Rounds of two short bursts, each of two tones. They are planned at once: the timers of a hidden window are slow.
  function play(rounds) {
    loudness?.disconnect();
    loudness = context.createGain();
    setLoudness();
    loudness.connect(context.destination);
    for (let round = 0; round < rounds; round += 1) {
      for (const later of [0, BURST_S * 1.5]) {
        const begins = context.currentTime + round * ROUND_S + later;
        for (const tone of TONES_HZ) {
          const oscillator = context.createOscillator();
          oscillator.frequency.value = tone;
          oscillator.connect(loudness);
          oscillator.start(begins);
          oscillator.stop(begins + BURST_S);
        }
      }
    }
  }

  async function start() {
    if (stop !== null) return;
    let stopped = false;
    const over = new Promise((resolve) => { stop = () => { stopped = true; stop = null; delete document.documentElement.dataset.ringing; resolve(); }; });
    if (!await mayRing() || stopped) { stop?.(); return; }
    await navigator.locks.request("hotline-ring", { ifAvailable: true }, async (lock) => {
      if (lock === null || stopped) return;
      document.documentElement.dataset.ringing = String(volume());
      play(ROUNDS);
      await over;
      loudness.disconnect();
    });
  }

  // The first click or key on a page allows it to ring later.
  for (const gesture of ["pointerdown", "keydown"]) document.addEventListener(gesture, () => { mayRing(); }, { once: true });

  // The volume may be set on another page.
  window.addEventListener("storage", setLoudness);

  window.Hotline.ringer = {
    mayRing,
    start,
    stop: () => stop?.(),
    volume,
    setVolume: (percent) => { window.localStorage.setItem(VOLUME_KEY, String(percent)); setLoudness(); },
    test: async () => { if (await mayRing()) play(1); },
  };
})();

"use strict";
// Live audio of the page's telephones: received audio is played, the microphone's audio is sent.

(() => {
  const RATE = 8000;
  // Playback is buffered by this much, so that late frames leave no gaps.
  const AHEAD_S = 0.15;

  function linear(byte) {
    // ITU-T G.711 decoding, the inverse of microphone.js.
    const inverted = ~byte & 0xff;
    const magnitude = ((((inverted & 0x0f) << 3) + 132) << ((inverted & 0x70) >> 4)) - 132;
    return (inverted & 0x80 ? -magnitude : magnitude) / 32768;
  }

  class Player {
    #context = null;
    #until = 0;

    play(mulaw) {
      this.#context ??= new AudioContext();
      const buffer = this.#context.createBuffer(1, mulaw.length, RATE);
      buffer.copyToChannel(Float32Array.from(mulaw, linear), 0);
      const source = this.#context.createBufferSource();
      source.buffer = buffer;
      source.connect(this.#context.destination);
      const now = this.#context.currentTime;
      if (this.#until < now) this.#until = now + AHEAD_S;
      source.start(this.#until);
      this.#until += buffer.duration;
    }
  }

  async function openMicrophone(worklet, send) {
    // The browser must not alter the voice where a telephone does not; only the echo of its prompts is cancelled.
    const audio = { channelCount: 1, echoCancellation: true, noiseSuppression: false, autoGainControl: false };
    const stream = await navigator.mediaDevices.getUserMedia({ audio });
    const context = new AudioContext();
    await context.audioWorklet.addModule(worklet);
    const source = context.createMediaStreamSource(stream);
    const node = new AudioWorkletNode(context, "microphone", { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }) => send(data);
    source.connect(node);
    const analyser = new AnalyserNode(context, { fftSize: 2048 });
    source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    return {
      // The level of the last moment in dB below full scale, from -60 to 0.
      level() {
        analyser.getFloatTimeDomainData(samples);
        const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
        return Math.max(-60, 10 * Math.log10(power + 1e-6));
      },
      close() {
        for (const track of stream.getTracks()) track.stop();
        context.close();
      },
    };
  }

  Object.assign(window.Hotline, { Player, openMicrophone });
})();

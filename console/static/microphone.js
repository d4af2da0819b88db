"use strict";
// Audio worklet: converts the microphone to telephone audio, 8 kHz mu-law in frames of 20 ms.

const RATE = 8000;
const FRAME = 160;

function mulaw(sample) {
  // ITU-T G.711: sign, three bits of exponent, four of mantissa, inverted.
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(Math.abs(sample), 32635) + 132;
  const exponent = Math.max(0, Math.floor(Math.log2(magnitude)) - 7);
  return ~(sign | (exponent << 4) | ((magnitude >> (exponent + 3)) & 0x0f)) & 0xff;
}

class Microphone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.step = sampleRate / RATE;
    // Averaging the input samples of each output sample reduces aliasing.
    this.sum = 0;
    this.count = 0;
    this.position = 0;
    this.frame = [];
  }

  process(inputs) {
    const samples = inputs[0][0];
    if (!samples) return true;
    for (const sample of samples) {
      this.sum += sample;
      this.count += 1;
      this.position += 1;
      if (this.position >= this.step) {
        this.position -= this.step;
        this.frame.push(mulaw(Math.round((this.sum / this.count) * 32767)));
        this.sum = 0;
        this.count = 0;
        if (this.frame.length === FRAME) {
          this.port.postMessage(new Uint8Array(this.frame));
          this.frame = [];
        }
      }
    }
    return true;
  }
}

registerProcessor("microphone", Microphone);

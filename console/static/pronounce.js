"use strict";
// Reads names out with the browser's own voice.

(() => {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-say]");
    if (button === null || !window.speechSynthesis) return;
    const said = new SpeechSynthesisUtterance(button.dataset.say);
    said.lang = "zh-CN";
    said.rate = 0.8;
    const voice = window.speechSynthesis.getVoices().find((one) => one.lang.replace("_", "-").startsWith("zh"));
    if (voice) said.voice = voice;
    window.speechSynthesis.cancel();
    window.speechSynthesis.speak(said);
  });
})();

"use strict";
// A live call is listened to: its sound is asked for twice a second and played, the caller's side and the other one.

(() => {
  const panel = document.getElementById("listening");
  if (!panel) return;
  const words = JSON.parse(panel.dataset.words);
  const button = document.getElementById("listening-button");
  const state = document.getElementById("listening-state");
  const EVERY_MS = 500;

  let sides = null;
  let after = 0;

  const token = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
  const post = (url, fields = {}) =>
    fetch(url, { method: "POST", headers: { "X-CSRFToken": token(), "HX-Request": "true" }, body: new URLSearchParams(fields) });
  const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));

  function show(word, tone) {
    state.textContent = words[word];
    state.className = `tag ${tone}`;
    button.textContent = sides === null ? words.begin : words.stop;
    button.setAttribute("aria-pressed", String(sides !== null));
  }

  function end(word) {
    sides = null;
    show(word, "");
  }

  async function ask() {
    if (sides === null) return;
    try {
      const answer = await post(panel.dataset.sound, { after });
      if (sides === null) return;
      if (answer.status === 410) { end("over"); return; }
      if (!answer.ok) throw new Error(await answer.text());
      for (const part of await answer.json()) {
        after = part.id;
        sides.caller.play(bytes(part.caller));
        sides.other.play(bytes(part.other));
        panel.dataset.heard = String(Number(panel.dataset.heard || 0) + part.caller.length);
      }
      show("listening", "good");
    } catch (error) {
      // The connection may be back in a moment; the server stops listening by itself if it is not.
      show("waiting", "warn");
    }
    window.setTimeout(ask, EVERY_MS);
  }

  button.addEventListener("click", async () => {
    if (sides !== null) {
      end("off");
      await post(panel.dataset.stop);
      return;
    }
    const answer = await post(panel.dataset.begin);
    if (!answer.ok) { window.Hotline.showError(await answer.text()); return; }
    sides = { caller: new window.Hotline.Player(), other: new window.Hotline.Player() };
    after = 0;
    show("waiting", "warn");
    ask();
  });
})();

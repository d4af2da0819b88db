"use strict";
// What takes something away is confirmed in a dialog first. A button says what it would do: by `hx-confirm` where the
// button itself sends the request, by `data-confirm` where it sends its form.

(() => {
  const dialog = document.getElementById("confirm");
  const sentence = dialog.querySelector("p");
  const yes = dialog.querySelector("[value=yes]");
  let proceed = null;
  // The button that is pressed a second time, by the dialog.
  let confirmed = null;

  function ask(words, question, then) {
    proceed = then;
    sentence.textContent = question;
    yes.textContent = words;
    dialog.returnValue = "";
    dialog.showModal();
  }

  // htmx notes a form's button when it is clicked and forgets it when the focus leaves, so the click is repeated.
  const again = (button) => () => {
    confirmed = button;
    button.click();
    confirmed = null;
  };

  // A live part may have put a new button in its place meanwhile; one that would do something else is left alone.
  function pressNew(old) {
    const button = window.Hotline.current(old);
    if (button !== null) again(button)();
  }

  document.addEventListener("htmx:confirm", (event) => {
    const { question, elt, issueRequest, triggeringEvent } = event.detail;
    const button = triggeringEvent?.submitter;
    if (button?.dataset.confirm && button !== confirmed) {
      event.preventDefault();
      ask(button.textContent.trim(), button.dataset.confirm, again(button));
    } else if (question) {
      // Not prevented, htmx would ask once more, in the browser's own dialog.
      event.preventDefault();
      if (elt === confirmed) issueRequest(true);
      else ask(elt.textContent.trim(), question, () => (elt.isConnected ? issueRequest(true) : pressNew(elt)));
    }
  });

  // A form the browser sends by itself.
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (event.target.hasAttribute("hx-post") || !button?.dataset.confirm || button === confirmed) return;
    event.preventDefault();
    ask(button.textContent.trim(), button.dataset.confirm, again(button));
  });

  dialog.addEventListener("close", () => {
    const then = proceed;
    proceed = null;
    if (dialog.returnValue === "yes") then?.();
  });
})();

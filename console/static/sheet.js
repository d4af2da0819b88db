"use strict";
// The order sheet's entry line: letters find the spec, digits are cartons, Enter adds the line to the order.

(() => {
  const SHOWN = 8;
  const byId = (id) => document.getElementById(id);
  let specs = [];
  let found = [];
  let chosen = 0;
  // What is being typed while the sheet is exchanged, and the field that has the focus.
  let typed = null;
  // True if the cartons were typed after the spec; they are then replaced or cleared together with it.
  let cartonsFromPick = false;

  // "hhl +5", "1203*5", "黄鹤楼 软蓝 5": split into the name of the spec and the cartons, if given.
  function split(text) {
    const tidy = text.trim().toLowerCase();
    const starred = tidy.match(/^(\d+)\*(\+?\d*)$/);
    if (starred) return { name: starred[1], cartons: starred[2] };
    const spaced = tidy.match(/^(.*\S)\s+(\+?\d+)$/) || tidy.match(/^(.*\S)(\+\d+)$/);
    if (spaced) return { name: spaced[1], cartons: spaced[2] };
    return { name: tidy, cartons: "" };
  }

  function rank(spec, name) {
    const plain = spec.name.toLowerCase().replace(/[()（）]/g, "");
    const wanted = name.replace(/[()（）\s]/g, "");
    if (spec.code === wanted || spec.initials === wanted || plain === wanted) return 0;
    if (spec.initials.startsWith(wanted)) return 1;
    if (plain.startsWith(wanted)) return 2;
    if (/^\d+$/.test(wanted) && spec.code.startsWith(wanted)) return 3;
    if (plain.includes(wanted)) return 4;
    if (spec.initials.includes(wanted)) return 5;
    // Letters may be left out in between: hhrl for 黄鹤楼(软蓝).
    let at = 0;
    for (const letter of spec.initials) if (letter === wanted[at]) at += 1;
    return wanted.length > 1 && at === wanted.length ? 6 : -1;
  }

  function search(name) {
    if (!name) return [];
    return specs
      .map((spec) => ({ spec, rank: rank(spec, name) }))
      .filter((one) => one.rank >= 0)
      // Of equal rank, specs of the last order come first, and those with nothing left come last.
      .sort((a, b) => a.rank - b.rank || Boolean(b.spec.last) - Boolean(a.spec.last) || Boolean(b.spec.left) - Boolean(a.spec.left))
      .slice(0, SHOWN)
      .map((one) => one.spec);
  }

  function parse(text) {
    const whole = split(text);
    const matches = search(whole.name);
    if (matches.length || whole.cartons) return { matches, cartons: whole.cartons };
    // "hhl5" without a space: the digits at the end are cartons only if no spec matches the whole text.
    const glued = whole.name.match(/^(.*?\D)(\d+)$/);
    return glued ? { matches: search(glued[1]), cartons: glued[2] } : { matches, cartons: "" };
  }

  function show() {
    const list = byId("spec-options");
    const pick = byId("pick");
    const wording = byId("wording").dataset;
    list.replaceChildren();
    found.forEach((spec, place) => {
      const option = document.createElement("li");
      option.id = `option-${place}`;
      option.role = "option";
      option.setAttribute("aria-selected", String(place === chosen));
      const name = document.createElement("b");
      name.textContent = spec.name;
      const facts = document.createElement("span");
      const last = spec.last ? ` · ${wording.last} ${spec.last}` : "";
      const mark = spec.mark ? ` · ${wording[spec.mark]}` : "";
      facts.textContent = `${spec.code} · ${spec.price} · ${wording.limit} ${spec.limit} · ${wording.stock} ${spec.stock}${last}${mark}`;
      if (!spec.left) option.classList.add("none");
      option.append(name, facts);
      option.addEventListener("mousedown", (event) => { event.preventDefault(); chosen = place; accept(); });
      list.append(option);
    });
    if (!found.length && pick.value.trim()) {
      const nothing = document.createElement("li");
      nothing.className = "quiet";
      nothing.textContent = wording.none;
      list.append(nothing);
    }
    list.hidden = !pick.value.trim() || document.activeElement !== pick;
    pick.setAttribute("aria-expanded", String(!list.hidden));
    if (found.length && !list.hidden) pick.setAttribute("aria-activedescendant", `option-${chosen}`);
    else pick.removeAttribute("aria-activedescendant");
  }

  function update() {
    const parsed = parse(byId("pick").value);
    found = parsed.matches;
    chosen = 0;
    if (parsed.cartons || cartonsFromPick) byId("cartons").value = parsed.cartons;
    cartonsFromPick = Boolean(parsed.cartons);
    byId("barcode").value = "";
    keepTyped();
    show();
  }

  // What is typed is kept until it is entered, even if the page is loaded again.
  const typedKey = () => `hotline-typed ${window.location.pathname}`;
  function keepTyped() {
    const now = { pick: byId("pick").value, cartons: byId("cartons").value };
    if (now.pick) window.sessionStorage.setItem(typedKey(), JSON.stringify(now));
    else window.sessionStorage.removeItem(typedKey());
  }

  // Choose the spec: focus the cartons, or submit the line if they are given already.
  function accept() {
    const spec = found[chosen];
    if (!spec) return false;
    const typed = byId("cartons").value;
    byId("barcode").value = spec.barcode;
    byId("pick").value = spec.name;
    byId("spec-options").hidden = true;
    byId("pick").setAttribute("aria-expanded", "false");
    if (typed) byId("entry").requestSubmit();
    else byId("cartons").focus();
    return true;
  }

  document.addEventListener("input", (event) => {
    if (event.target.id === "pick") update();
    if (event.target.id === "cartons") { cartonsFromPick = false; keepTyped(); }
  });
  document.addEventListener("focusout", (event) => { if (event.target.id === "pick") byId("spec-options").hidden = true; });

  // The order is not saved, and the call not ended, while a line is typed but not added, or is not on the order yet.
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("#save, #finish") || !byId("pick")) return;
    const { unsentLines } = window.Hotline;
    if (!unsentLines.count() && !byId("pick").value.trim()) return;
    event.preventDefault();
    event.stopPropagation();
    const { unfinished, unsent } = byId("wording").dataset;
    if (!unsentLines.sending()) window.Hotline.showError(unsentLines.count() ? unsent : unfinished);
    byId("pick").focus();
  }, true);

  const SHORTCUTS = { l: "all-last", w: "all-web" };

  document.addEventListener("keydown", (event) => {
    const pressed = event.ctrlKey && event.key === "Enter" ? "save" : event.altKey && SHORTCUTS[event.key.toLowerCase()];
    if (pressed && byId(pressed)) {
      event.preventDefault();
      byId(pressed).click();
      return;
    }
    if (event.target.id !== "pick") return;
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      chosen = found.length ? (chosen + step + found.length) % found.length : 0;
      show();
    } else if (event.key === "Escape") {
      event.target.value = "";
      byId("cartons").value = "";
      update();
    } else if (event.key === "Enter") {
      if (byId("barcode").value === "") {
        event.preventDefault();
        accept();
      }
    }
  });

  // A line that is entered is sent by itself; the next one can be typed at once.
  document.addEventListener("submit", (event) => {
    if (event.target.id !== "entry") return;
    event.preventDefault();
    const line = { name: byId("pick").value, cartons: byId("cartons").value, barcode: byId("barcode").value };
    if (!line.barcode) {
      accept();
      return;
    }
    byId("pick").value = "";
    byId("cartons").value = "";
    byId("pick").focus();
    update();
    window.Hotline.unsentLines.add(line);
  });

  // A refused line is shown again, to be corrected or entered once more.
  window.Hotline.restoreEntry = ({ name, cartons, barcode }) => {
    Object.assign(byId("pick"), { value: name });
    Object.assign(byId("cartons"), { value: cartons });
    byId("barcode").value = barcode;
    if (byId("cartons").getAttribute("aria-invalid")) byId("cartons").focus();
  };

  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id !== "sheet" || !byId("pick")) return;
    const focused = document.activeElement;
    const elsewhere = focused !== document.body && !byId("sheet").contains(focused);
    typed = { pick: byId("pick").value, cartons: byId("cartons").value, barcode: byId("barcode").value, focus: elsewhere ? null : focused.id };
  });

  function ready() {
    const data = byId("specs");
    specs = data ? JSON.parse(data.textContent) : [];
    const before = typed;
    typed = null;
    const pick = byId("pick");
    if (pick) {
      const kept = before ?? JSON.parse(window.sessionStorage.getItem(typedKey()) ?? "null");
      pick.value = kept?.pick ?? "";
      update();
      byId("cartons").value = kept?.cartons ?? "";
      byId("barcode").value = kept?.barcode ?? "";
    }
    // The focus stays in a field beside the sheet.
    if (before?.focus === null) return;
    if (before?.focus === "cartons" && pick) byId("cartons").focus();
    else (pick || byId("next") || byId("finish"))?.focus();
    if (pick) show();
  }

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id === "work") typed = null;
    if (["sheet", "work"].includes(event.target.id)) ready();
  });

  // --- ending a call with unsaved lines

  const dialog = byId("unsaved-lines");
  document.addEventListener("htmx:afterSettle", (event) => { if (event.target === dialog && !dialog.open) dialog.showModal(); });
  document.addEventListener("htmx:afterRequest", (event) => { if (dialog?.contains(event.detail.elt) && event.detail.xhr.status === 204) dialog.close(); });
  dialog?.addEventListener("click", (event) => { if (event.target.closest("[data-close]")) dialog.close(); });
  dialog?.addEventListener("close", () => byId("pick")?.focus());

  ready();
})();

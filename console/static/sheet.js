"use strict";
// The order sheet's entry line: letters find the spec, digits are cartons, Enter adds the line to the order.

(() => {
  const SHOWN = 8;
  const byId = (id) => document.getElementById(id);
  // The search over the catalogue's names, what this retailer may have today by barcode, and what was found last.
  let names = { version: "", specs: [], search: () => ({ sure: false, cartons: "", options: [] }) };
  let today = {};
  let found = { sure: false, cartons: "", options: [] };
  // The place of the chosen option; -1 while the operator has to choose one.
  let chosen = -1;
  // What is being typed while the sheet is exchanged, and the field that has the focus.
  let typed = null;
  // True if Enter was pressed before the names were there; the line is then entered once they are.
  let enterWhileLoading = false;
  // True if the cartons were typed after the spec; they are then replaced or cleared together with it.
  let cartonsFromPick = false;

  const ABSENT = { limit: 0, stock: 0, left: 0, last: 0, mark: "" };
  const factsOf = (spec) => today[spec.barcode] || ABSENT;

  // The catalogue's names, loaded once for each version of the catalogue; tried again while the server is away.
  async function loadNames({ version, url }) {
    if (names.version === version) return;
    try {
      const answer = await fetch(url, { headers: { "HX-Request": "true" } });
      if (!answer.ok) throw new Error(answer.statusText);
      names = SpecSearch.over(await answer.json());
      if (byId("pick")?.value && !byId("barcode").value) {
        update();
        if (enterWhileLoading) accept();
      }
      enterWhileLoading = false;
    } catch {
      window.setTimeout(() => { if (byId("specs")) loadNames(JSON.parse(byId("specs").textContent)); }, 2000);
    }
  }

  function describe(spec) {
    const wording = byId("wording").dataset;
    const facts = factsOf(spec);
    const last = facts.last ? ` · ${wording.last} ${facts.last}` : "";
    const mark = facts.mark ? ` · ${wording[facts.mark]}` : "";
    const left = facts === ABSENT ? wording.absent : `${wording.limit} ${facts.limit} · ${wording.stock} ${facts.stock}`;
    return `${spec.code} · ${spec.price} · ${left}${last}${mark}`;
  }

  function show() {
    const list = byId("spec-options");
    const pick = byId("pick");
    const wording = byId("wording").dataset;
    const shown = found.options.slice(0, SHOWN);
    const several = new Set(shown.map((option) => option.cartons)).size > 1;
    list.replaceChildren(...shown.map(({ spec, cartons }, place) => {
      const option = document.createElement("li");
      option.id = `option-${place}`;
      option.role = "option";
      option.setAttribute("aria-selected", String(place === chosen));
      const name = document.createElement("b");
      name.textContent = several && cartons ? `${spec.name} × ${cartons}` : spec.name;
      const facts = document.createElement("span");
      facts.textContent = describe(spec);
      if (!factsOf(spec).left) option.classList.add("none");
      option.append(name, facts);
      option.addEventListener("mousedown", (event) => { event.preventDefault(); chosen = place; accept(); });
      return option;
    }));
    const typed = pick.value.trim();
    byId("spec-found").hidden = !typed || document.activeElement !== pick;
    byId("spec-ask").textContent = !names.version ? wording.loading : !found.options.length ? wording.none : chosen < 0 ? wording.ask.replace("{n}", found.options.length) : "";
    pick.setAttribute("aria-expanded", String(!byId("spec-found").hidden));
    if (chosen >= 0 && !byId("spec-found").hidden) pick.setAttribute("aria-activedescendant", `option-${chosen}`);
    else pick.removeAttribute("aria-activedescendant");
  }

  function update() {
    found = names.search(byId("pick").value, factsOf);
    chosen = found.sure ? 0 : -1;
    const cartons = found.sure ? found.options[0].cartons : found.cartons;
    if (cartons || cartonsFromPick) byId("cartons").value = cartons;
    cartonsFromPick = Boolean(cartons);
    byId("barcode").value = "";
    byId("spec-ask").classList.remove("asked");
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

  // Choose the spec: focus the cartons, or submit the line if they are given already. Without a choice, ask for one.
  function accept() {
    const option = found.options[chosen];
    enterWhileLoading = !names.version;
    if (!option) {
      byId("pick").focus();
      byId("spec-ask").classList.add("asked");
      show();
      return;
    }
    if (option.cartons) byId("cartons").value = option.cartons;
    byId("barcode").value = option.spec.barcode;
    byId("pick").value = option.spec.name;
    byId("spec-found").hidden = true;
    byId("pick").setAttribute("aria-expanded", "false");
    if (byId("cartons").value) byId("entry").requestSubmit();
    else byId("cartons").focus();
  }

  // A spec chosen from the shelves: only the cartons are left to type.
  function choose(spec) {
    byId("pick").value = spec.name;
    byId("barcode").value = spec.barcode;
    byId("cartons").value = "";
    keepTyped();
    byId("cartons").focus();
  }

  document.addEventListener("input", (event) => {
    if (event.target.id === "pick") {
      enterWhileLoading = false;
      update();
    }
    if (event.target.id === "cartons") { cartonsFromPick = false; keepTyped(); }
  });
  document.addEventListener("focusout", (event) => { if (event.target.id === "pick") byId("spec-found").hidden = true; });

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
      const shown = Math.min(found.options.length, SHOWN);
      if (!shown) return;
      if (chosen < 0) chosen = event.key === "ArrowDown" ? 0 : shown - 1;
      else chosen = (chosen + (event.key === "ArrowDown" ? 1 : -1) + shown) % shown;
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
    if (data) {
      const specs = JSON.parse(data.textContent);
      today = specs.today;
      loadNames(specs);
    }
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

  // What the shelves (spec_browse.js) show and do.
  window.OrderSheet = {
    supplied: () => names.specs.filter((spec) => today[spec.barcode]).map((spec) => ({ spec, facts: today[spec.barcode] })),
    describe,
    choose,
  };
})();

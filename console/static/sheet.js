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
  // Text typed while the last line is being sent is not lost: it is restored on the new sheet.
  let sent = null;
  let typedAhead = null;
  let enterAhead = false;
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
      if (byId("pick")?.value && !byId("barcode").value) update();
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
    show();
  }

  // Choose the spec: focus the cartons, or submit the line if they are given already. Without a choice, ask for one.
  function accept() {
    const option = found.options[chosen];
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
    byId("cartons").focus();
  }

  // A line without a spec is not sent: its spec is chosen first.
  document.addEventListener("submit", (event) => {
    if (event.target.id !== "entry" || byId("barcode").value || byId("entry").classList.contains("htmx-request")) return;
    event.preventDefault();
    event.stopPropagation();
    accept();
  }, true);

  document.addEventListener("input", (event) => {
    if (event.target.id === "pick") update();
    if (event.target.id === "cartons") cartonsFromPick = false;
  });
  document.addEventListener("focusout", (event) => { if (event.target.id === "pick") byId("spec-found").hidden = true; });

  // The order is not saved while a line is typed but not added, or still being sent.
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("#save")) return;
    const onItsWay = byId("entry").classList.contains("htmx-request");
    if (!onItsWay && !byId("pick").value.trim()) return;
    event.preventDefault();
    event.stopPropagation();
    if (!onItsWay) Hotline.showError(byId("wording").dataset.unfinished);
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
      if (byId("entry").classList.contains("htmx-request")) {
        event.preventDefault();
        enterAhead = true;
      } else if (byId("barcode").value === "") {
        event.preventDefault();
        accept();
      }
    }
  });

  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.elt.id !== "entry") return;
    sent = { pick: byId("pick").value, cartons: byId("cartons").value, barcode: byId("barcode").value };
    byId("pick").value = "";
    byId("cartons").value = "";
    byId("pick").focus();
    update();
  });

  function restoreEntry() {
    for (const [name, value] of Object.entries(sent)) byId(name).value = value;
    enterAhead = false;
  }

  function restoreEntryOnError(event) {
    if (event.detail.elt.id === "entry" && sent !== null) restoreEntry();
  }
  document.addEventListener("htmx:responseError", restoreEntryOnError);
  document.addEventListener("htmx:sendError", restoreEntryOnError);

  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id !== "sheet" || !byId("pick") || sent === null) return;
    typedAhead = { pick: byId("pick").value, cartons: byId("cartons").value, enter: enterAhead };
  });

  function ready() {
    const data = byId("specs");
    if (data) {
      const specs = JSON.parse(data.textContent);
      today = specs.today;
      loadNames(specs);
    }
    const cartonsField = byId("cartons");
    // A refused line is restored, to be corrected or entered again.
    const refused = sent !== null && byId("pick") && document.querySelector(".sheet[data-refused]");
    if (refused) {
      restoreEntry();
      typedAhead = null;
    }
    if (cartonsField?.getAttribute("aria-invalid")) cartonsField.focus();
    else (byId("pick") || byId("next") || byId("finish"))?.focus();
    sent = null;
    enterAhead = false;
    if (typedAhead === null || !byId("pick")) return;
    const { pick, cartons, enter } = typedAhead;
    typedAhead = null;
    if (!pick) return;
    byId("pick").value = pick;
    byId("cartons").value = cartons;
    update();
    if (enter) accept();
  }

  document.addEventListener("htmx:afterSettle", (event) => {
    // Another order starts with an empty entry line.
    if (event.target.id === "work") sent = typedAhead = null;
    if (["sheet", "work"].includes(event.target.id)) ready();
  });
  ready();

  // What the shelves (spec_browse.js) show and do.
  window.OrderSheet = {
    supplied: () => names.specs.filter((spec) => today[spec.barcode]).map((spec) => ({ spec, facts: today[spec.barcode] })),
    describe,
    choose,
  };
})();

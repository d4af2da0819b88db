"use strict";
// The order sheet's entry line: letters find the spec, digits are cartons, enter puts it on the order.

(() => {
  const SHOWN = 8;
  const byId = (id) => document.getElementById(id);
  let specs = [];
  let found = [];
  let chosen = 0;
  // What is typed while the last line is on its way to the server is not lost: it is there again on the new sheet.
  let sent = null;
  let ahead = null;
  let enterAhead = false;
  // Cartons that stand there because they were typed behind the spec go with it when it is changed or taken back.
  let cartonsFromPick = false;

  // "hhl5", "hhl +5", "1203*5", "黄鹤楼 软蓝 5": what names the spec, and the cartons if they are there already.
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
    // Letters left out in between: hhrl for 黄鹤楼(软蓝).
    let at = 0;
    for (const letter of spec.initials) if (letter === wanted[at]) at += 1;
    return wanted.length > 1 && at === wanted.length ? 6 : -1;
  }

  function search(name) {
    if (!name) return [];
    return specs
      .map((spec) => ({ spec, rank: rank(spec, name) }))
      .filter((one) => one.rank >= 0)
      // Of those that fit as well, what this retailer bought last comes first, and what there is none of comes last.
      .sort((a, b) => a.rank - b.rank || Boolean(b.spec.last) - Boolean(a.spec.last) || Boolean(b.spec.left) - Boolean(a.spec.left))
      .slice(0, SHOWN)
      .map((one) => one.spec);
  }

  function parse(text) {
    const whole = split(text);
    const matches = search(whole.name);
    if (matches.length || whole.cartons) return { matches, cartons: whole.cartons };
    // "hhl5" without a space: the digits at the end are cartons only where no spec's own letters go on with them.
    const glued = whole.name.match(/^(.*?\D)(\d+)$/);
    return glued ? { matches: search(glued[1]), cartons: glued[2] } : { matches, cartons: "" };
  }

  function show() {
    const list = byId("choices");
    const pick = byId("pick");
    const wording = byId("wording").dataset;
    list.replaceChildren();
    found.forEach((spec, place) => {
      const option = document.createElement("li");
      option.id = `choice-${place}`;
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
    if (found.length && !list.hidden) pick.setAttribute("aria-activedescendant", `choice-${chosen}`);
    else pick.removeAttribute("aria-activedescendant");
  }

  function update() {
    const parsed = parse(byId("pick").value);
    found = parsed.matches;
    chosen = 0;
    if (parsed.cartons || cartonsFromPick) byId("cartons").value = parsed.cartons;
    cartonsFromPick = Boolean(parsed.cartons);
    byId("barcode").value = "";
    show();
  }

  // The spec is settled: on to the cartons, or, where they are there already, onto the order.
  function accept() {
    const spec = found[chosen];
    if (!spec) return false;
    const typed = byId("cartons").value;
    byId("barcode").value = spec.barcode;
    byId("pick").value = spec.name;
    byId("choices").hidden = true;
    byId("pick").setAttribute("aria-expanded", "false");
    if (typed) byId("entry").requestSubmit();
    else byId("cartons").focus();
    return true;
  }

  document.addEventListener("input", (event) => {
    if (event.target.id === "pick") update();
    if (event.target.id === "cartons") cartonsFromPick = false;
  });
  document.addEventListener("focusout", (event) => { if (event.target.id === "pick") byId("choices").hidden = true; });

  // What is typed but not on the order is not saved by mistake, nor an order whose last line is still on its way.
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("#save")) return;
    const onItsWay = byId("entry").classList.contains("htmx-request");
    if (!onItsWay && !byId("pick").value.trim()) return;
    event.preventDefault();
    event.stopPropagation();
    if (!onItsWay) Hotline.complain(byId("wording").dataset.unfinished);
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

  function putBack() {
    for (const [name, value] of Object.entries(sent)) byId(name).value = value;
    enterAhead = false;
  }

  function takeBack(event) {
    if (event.detail.elt.id === "entry" && sent !== null) putBack();
  }
  document.addEventListener("htmx:responseError", takeBack);
  document.addEventListener("htmx:sendError", takeBack);

  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id !== "sheet" || !byId("pick") || sent === null) return;
    ahead = { pick: byId("pick").value, cartons: byId("cartons").value, enter: enterAhead };
  });

  function ready() {
    const data = byId("specs");
    specs = data ? JSON.parse(data.textContent) : [];
    const cartonsField = byId("cartons");
    // A line that was refused is there to be mended, or to be entered again when it is seen what has changed.
    const refused = sent !== null && byId("pick") && document.querySelector(".sheet[data-again]");
    if (refused) {
      putBack();
      ahead = null;
    }
    if (cartonsField?.getAttribute("aria-invalid")) cartonsField.focus();
    else (byId("pick") || byId("next") || byId("finish"))?.focus();
    sent = null;
    enterAhead = false;
    if (ahead === null || !byId("pick")) return;
    const { pick, cartons, enter } = ahead;
    ahead = null;
    if (!pick) return;
    byId("pick").value = pick;
    byId("cartons").value = cartons;
    update();
    if (enter) accept();
  }

  document.addEventListener("htmx:afterSettle", (event) => {
    // Another order begins with nothing typed.
    if (event.target.id === "work") sent = ahead = null;
    if (["sheet", "work"].includes(event.target.id)) ready();
  });
  ready();
})();

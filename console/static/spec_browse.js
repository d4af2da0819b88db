"use strict";
// Today's specs by the price of a pack, and the new and key ones: opened by F2 on the order sheet, chosen by the arrows.

(() => {
  const byId = (id) => document.getElementById(id);
  const NEWS = "news";
  // The shelf last looked at is opened again.
  let shelf = null;
  let shown = [];
  let chosen = 0;

  const wording = () => JSON.parse(byId("browse").dataset.words);
  const shelves = () => JSON.parse(byId("browse").dataset.shelves);

  function labelOf(place) {
    if (place === NEWS) return wording().news;
    const [from, to] = shelves()[place];
    const form = from === 0 ? wording().below : to === null ? wording().from : wording().between;
    return form.replace("{from}", from).replace("{to}", to);
  }

  // The specs of a shelf that are supplied today, the dearest first, those with nothing left last.
  function specsOf(place) {
    return OrderSheet.supplied()
      .filter(({ spec, facts }) => (place === NEWS ? facts.mark : spec.shelf === place))
      .sort((a, b) => Boolean(b.facts.left) - Boolean(a.facts.left) || b.spec.retailFen - a.spec.retailFen);
  }

  function places() {
    const filled = shelves().map((_, place) => place).filter((place) => specsOf(place).length).reverse();
    return specsOf(NEWS).length || byId("browse-notices") ? [NEWS, ...filled] : filled;
  }

  function show() {
    const all = places();
    if (!all.includes(shelf)) shelf = all[0] ?? NEWS;
    byId("browse-shelves").replaceChildren(...all.map((place) => {
      const tab = document.createElement("button");
      tab.type = "button";
      tab.role = "tab";
      tab.className = "outline small-button";
      tab.setAttribute("aria-selected", String(place === shelf));
      tab.tabIndex = -1;
      tab.textContent = `${labelOf(place)} ${specsOf(place).length}`;
      tab.addEventListener("click", () => { shelf = place; chosen = 0; show(); });
      return tab;
    }));
    if (byId("browse-notices")) byId("browse-notices").hidden = shelf !== NEWS;
    shown = specsOf(shelf);
    const list = byId("browse-list");
    list.replaceChildren(...shown.map(({ spec, facts }, place) => {
      const option = document.createElement("li");
      option.id = `browse-${place}`;
      option.role = "option";
      option.setAttribute("aria-selected", String(place === chosen));
      if (!facts.left) option.classList.add("none");
      const name = document.createElement("b");
      name.textContent = spec.name;
      const about = document.createElement("span");
      about.textContent = OrderSheet.describe(spec);
      option.append(name, about);
      option.addEventListener("click", () => { chosen = place; choose(); });
      return option;
    }));
    if (shown.length) list.setAttribute("aria-activedescendant", `browse-${chosen}`);
    else list.removeAttribute("aria-activedescendant");
    list.dataset.empty = shown.length ? "" : wording().empty;
    byId(`browse-${chosen}`)?.scrollIntoView({ block: "nearest" });
    list.focus();
  }

  function choose() {
    if (!shown[chosen]) return;
    byId("browse").close();
    OrderSheet.choose(shown[chosen].spec);
  }

  function open() {
    if (!byId("browse") || !byId("pick") || byId("browse").open) return;
    chosen = 0;
    byId("browse").showModal();
    show();
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "F2" && byId("pick")) {
      event.preventDefault();
      open();
      return;
    }
    if (!byId("browse")?.open || !byId("browse").contains(event.target)) return;
    const step = { ArrowDown: 1, ArrowUp: -1, ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.key === "Enter" && event.target.id === "browse-list") {
      event.preventDefault();
      choose();
    } else if (step) {
      event.preventDefault();
      if (event.key === "ArrowDown" || event.key === "ArrowUp") chosen = shown.length ? (chosen + step + shown.length) % shown.length : 0;
      else {
        const all = places();
        shelf = all[(all.indexOf(shelf) + step + all.length) % all.length];
        chosen = 0;
      }
      show();
    }
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("#browse-open")) open();
    if (event.target.closest?.("#browse-close")) byId("browse").close();
  });
})();

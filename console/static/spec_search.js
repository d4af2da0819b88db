"use strict";
// Specs by what an operator types: characters, pinyin whole or begun, initials, a code, and digits that are part of a
// name or the cartons. A spec is picked only where the text can mean no other; otherwise the operator is asked.

const SpecSearch = (() => {
  // The ways a name is matched, the best first.
  const CODE = 0, WHOLE = 1, BEGINS = 2, INSIDE = 3, PARTS = 4, SCATTERED = 5;
  const CARTONS_MAX_DIGITS = 4;
  // Letters that only begin a written name pick it from this many syllables on, its brand among them.
  const BEGUN_SYLLABLES = 3;
  const NUMERALS = { 零: "0", 〇: "0", 一: "1", 幺: "1", 二: "2", 两: "2", 三: "3", 四: "4", 五: "5", 六: "6", 七: "7", 八: "8", 九: "9" };
  const HANZI = /^[一-鿿〇]+$/;
  const tidy = (text) => text.normalize("NFKC").toLowerCase();
  const nameOf = (text) => text.replace(/[^0-9a-z一-鿿〇]/g, "");

  // "红hong 塔ta 100": the characters of a name with their syllables, and runs of digits.
  function tokensOf(text) {
    return text.split(" ").map((part) => {
      if (/^\d+$/.test(part)) return { run: part };
      const spelt = /^[a-z]/.test(part);
      return { char: spelt ? "" : part[0], syllables: (spelt ? part : part.slice(1)).split("|") };
    });
  }

  // The places in `query` that may be reached by spelling one token from `at`.
  function spelt(token, query, at) {
    if (token.run !== undefined) {
      if (query.startsWith(token.run, at)) return [at + token.run.length];
      return token.run.startsWith(query.slice(at)) ? [query.length] : [];
    }
    const places = query[at] === token.char || query[at] === NUMERALS[token.char] ? [at + 1] : [];
    for (const syllable of token.syllables) {
      for (let length = 1; length <= syllable.length && syllable[length - 1] === query[at + length - 1]; length += 1) places.push(at + length);
    }
    return places;
  }

  // Spell tokens from the one at `from` on, without a gap: null, or where the spelling ends and how it ends. It is cut
  // where the last digits typed are only the beginning of a number.
  function spell(tokens, query, from = 0, starts = [0]) {
    let places = new Set(starts);
    let found = null;
    for (let index = from; index < tokens.length && places.size; index += 1) {
      const next = new Set();
      for (const place of places) {
        for (const reached of spelt(tokens[index], query, place)) {
          if (reached < query.length) {
            next.add(reached);
            continue;
          }
          const cut = tokens[index].run !== undefined && !query.endsWith(tokens[index].run);
          if (found === null || !cut) found = { end: index + 1, cut, whole: !cut && index + 1 === tokens.length };
        }
      }
      places = next;
    }
    return found;
  }

  // The brand and a later part of the name: hts100 for 红塔山(硬经典100).
  function spellParts(tokens, stem, query) {
    let places = new Set([0]);
    for (const token of tokens.slice(0, stem)) places = new Set([...places].flatMap((place) => spelt(token, query, place)));
    const starts = [...places].filter((place) => place < query.length);
    for (let from = stem + 1; starts.length && from < tokens.length; from += 1) {
      const found = spell(tokens, query, from, starts);
      if (found) return found;
    }
    return null;
  }

  // Letters left out in between: hrl for 黄鹤楼(软蓝).
  function isScattered(initials, query) {
    let at = 0;
    for (const letter of initials) if (letter === query[at]) at += 1;
    return query.length > 1 && at === query.length;
  }

  function match(name, query) {
    const { tokens, stem } = name;
    const beginning = spell(tokens, query);
    if (beginning) return { rank: beginning.whole ? WHOLE : BEGINS, cut: beginning.cut, enough: stem > 0 && beginning.end > Math.max(stem, BEGUN_SYLLABLES - 1) };
    for (let from = 1; from < tokens.length; from += 1) {
      const inside = spell(tokens, query, from);
      if (inside) return { rank: INSIDE, cut: inside.cut, enough: false };
    }
    const parts = stem ? spellParts(tokens, stem, query) : null;
    if (parts) return { rank: PARTS, cut: parts.cut, enough: false };
    return stem && isScattered(name.initials, query) ? { rank: SCATTERED, cut: false, enough: false } : null;
  }

  function matchCode(spec, query) {
    if (!/^\d+$/.test(query)) return null;
    if (spec.code === query || spec.barcode === query) return { rank: CODE, cut: false, enough: true };
    return spec.code.startsWith(query) ? { rank: INSIDE, cut: true, enough: false } : null;
  }

  // The ways to divide a text into a name and the cartons: "hhl +5", "1203*5", "软玉溪5条", "hhlrl5". Digits without a
  // space before them may be either, or some of each: 双喜1906 has them in its name.
  function readings(text) {
    const typed = tidy(text).trim();
    const starred = typed.match(/^(.*\S)\s*\*\s*(\+?\d*)\s*条?$/);
    if (starred) return { told: true, tried: [{ query: nameOf(starred[1]), cartons: starred[2] }] };
    const query = nameOf(typed);
    const whole = { query, cartons: "" };
    const spaced = typed.match(/^(.*\S)\s+(\+?\d+)\s*条?$/) || typed.match(/^(.*[^\s+])\s*(\+\d+)\s*条?$/) || typed.match(/^(.*\D)(\d+)条$/);
    if (spaced) return { told: true, tried: [{ query: nameOf(spaced[1]), cartons: spaced[2] }, whole] };
    const tried = [whole];
    const digits = query.match(/^.*?\D(\d+)$/)?.[1] ?? "";
    for (let length = 1; length <= Math.min(digits.length, CARTONS_MAX_DIGITS); length += 1) {
      const cartons = query.slice(query.length - length);
      if (cartons === "0" || cartons[0] !== "0") tried.push({ query: query.slice(0, query.length - length), cartons });
    }
    return { told: false, tried };
  }

  // The one option a reading means without a doubt, or null.
  function meant(options, query) {
    const near = options.filter((option) => option.rank <= INSIDE);
    const strong = near.filter((option) => option.rank <= WHOLE);
    if (strong.length > 1) return null;
    // Two letters begin too many names for one of them to be meant, even if they are all of it.
    if (strong.length) return query.length > 2 || strong[0].rank === CODE || HANZI.test(query) || near.length === 1 ? strong[0] : null;
    if (near.length !== 1 || near[0].cut) return null;
    const deliberate = HANZI.test(query) && query.length > 1;
    return deliberate || near[0].enough ? near[0] : null;
  }

  // A search over the specs of a catalogue, with all the names they are known by. `today(spec)` says what the retailer
  // had last and may have today.
  function over({ version, specs, names }) {
    const known = names.map(([text, places, stem]) => {
      const tokens = tokensOf(text);
      return { tokens, places, stem, initials: tokens.map((token) => token.run ?? token.syllables[0][0]).join("") };
    });

    function options(query, cartons) {
      const best = new Map();
      const better = (place, found) => {
        const before = best.get(place);
        const gains = before === undefined || found.rank < before.rank;
        if (gains) best.set(place, { ...found });
        else if (found.rank === before.rank) Object.assign(before, { cut: before.cut && found.cut, enough: before.enough || found.enough });
      };
      if (query) {
        specs.forEach((spec, place) => { const found = matchCode(spec, query); if (found) better(place, found); });
        for (const name of known) {
          const found = match(name, query);
          if (found) for (const place of name.places) better(place, found);
        }
      }
      return [...best].map(([place, found]) => ({ spec: specs[place], place, cartons, ...found }));
    }

    // The options for a text, the likeliest first, and whether Enter may take the first: `sure`. It never is where the
    // text can mean several specs, or one spec in several quantities, or fits a name only with letters left out.
    function search(text, today = () => ({})) {
      const { told, tried } = readings(text);
      const read = tried.map(({ query, cartons }) => {
        const found = options(query, cartons);
        const strong = found.filter((option) => option.rank <= WHOLE).length;
        // Two digits and more that are a number in a name are hardly cartons.
        const numbered = !told && !cartons && /\D\d\d+$/.test(query);
        return { found, cartons, strong, numbered, pick: meant(found, query) };
      });
      // With the cartons told apart, digits are part of the name only where it makes no sense without them.
      if (told && read[0].pick) read.length = 1;
      const picks = read.filter((reading) => reading.pick);
      const firm = picks.filter((reading) => reading.pick.rank <= WHOLE);
      const [only, ...more] = firm.length ? firm : picks;
      // A spec without cartons is no line yet: taking it asks for the cartons.
      const harmless = only !== undefined && only.cartons === "" && firm.length > 0;
      const sure = only !== undefined && !more.length && (harmless || !read.some((reading) => reading !== only && reading.strong));
      const known = read.some((reading) => reading.strong);
      const keyed = read.flatMap((reading) => reading.found
        .filter((option) => !known || !option.cut)
        .map((option) => {
          const facts = today(option.spec);
          const first = sure ? option !== only.pick : !(reading.numbered && option.rank <= PARTS && !option.cut);
          // Of equal rank, specs of the last order come first, and those with nothing left come last.
          return { option, key: [Number(first), option.rank, reading.strong, Number(!facts.last), Number(!facts.left), option.place] };
        }));
      keyed.sort((a, b) => { const at = a.key.findIndex((value, index) => value !== b.key[index]); return at < 0 ? 0 : a.key[at] - b.key[at]; });
      return { sure, cartons: told ? tried[0].cartons : "", options: keyed.map(({ option: { spec, cartons, rank } }) => ({ spec, cartons, rank })) };
    }

    return { version, specs, search };
  }

  return { over };
})();

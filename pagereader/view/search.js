// Search: without regard to case, accents and the long s, over all pages.

/** Fold `text` for comparison; `places[i]` is where letter i of the folded text came from. */
function fold(text) {
  if (/^[\0-\x7f]*$/.test(text)) return { folded: text.toLowerCase(), places: null };
  let folded = "";
  const places = [];
  let at = 0;
  for (const letter of text) {
    const plain = letter.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
    for (let i = 0; i < plain.length; i += 1) places.push(at);
    folded += plain;
    at += letter.length;
  }
  places.push(text.length);
  return { folded, places };
}

/** Return [start, end] of every place where `needle` (folded) occurs in `text`. */
function occurrences(text, needle) {
  const { folded, places } = fold(text);
  const found = [];
  for (let at = folded.indexOf(needle); at >= 0; at = folded.indexOf(needle, at + needle.length)) {
    const end = at + needle.length;
    if (!places) found.push([at, end]);
    else found.push([places[at], afterMarks(text, places[end - 1])]);
  }
  return found;
}

/** Return the end of the letter that starts at `at`, with the accents that follow it. */
function afterMarks(text, at) {
  const letter = /^.\p{M}*/su.exec(text.slice(at));
  return at + (letter ? letter[0].length : 1);
}

class Search {
  constructor(blocks, count) {
    this.blocks = blocks;
    this.count = count;
    this.matches = [];
    this.current = -1;
    this.run = 0;
  }

  /** Find `query` on all pages; returns false if a later search overtook this one. */
  async find(query) {
    const run = ++this.run;
    const needle = fold(query.trim().replace(/\s+/g, " ")).folded;
    const matches = [];
    for (let page = 0; needle && page < this.count; page += 1) {
      const { lines } = await this.blocks.page(page);
      if (page % 25 === 24) await new Promise((resolve) => setTimeout(resolve)); // let the page breathe
      if (run !== this.run) return false;
      for (const line of lines) {
        for (const [start, end] of occurrences(line.text, needle)) matches.push({ page, line: line.index, start, end });
      }
    }
    if (run !== this.run) return false;
    this.matches = matches;
    this.current = -1;
    return true;
  }

  /** Go to the next (or previous, `step` -1) match; the first one at or after `page` to begin with. */
  step(step, page) {
    if (!this.matches.length) return null;
    if (this.current < 0) {
      const first = this.matches.findIndex((match) => match.page >= page);
      this.current = Math.max(0, first);
    } else {
      this.current = (this.current + step + this.matches.length) % this.matches.length;
    }
    return this.matches[this.current];
  }

  /** Return the ranges found on `page`, by line. */
  on(page) {
    const lines = new Map();
    for (const match of this.matches) {
      if (match.page === page) lines.set(match.line, [...(lines.get(match.line) ?? []), [match.start, match.end]]);
    }
    return lines;
  }
}

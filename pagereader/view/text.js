// The text of a page, line by line, and what is known about the line that is chosen.

/** Shows the lines of one page; one of them has the focus and the others follow the arrow keys. */
class TextView {
  constructor(pane, detail, on) {
    this.pane = pane;
    this.detail = detail;
    pane.addEventListener("pointerover", (event) => on.hover(...hit(event)));
    pane.addEventListener("pointerleave", () => on.hover(null, null));
    pane.addEventListener("click", (event) => {
      const [line] = hit(event);
      if (line !== null && getSelection().isCollapsed) on.select(line);
    });
    pane.addEventListener("focusin", (event) => {
      const [line] = hit(event);
      if (line !== null && event.target.matches(":focus-visible")) on.select(line);
    });
  }

  show(page) {
    this.page = page;
    this.lines = page.lines.map((line) => this.line(line));
    const regions = page.regions.filter(hasLines).map((region) => this.region(region));
    if (!regions.length) regions.push(element("p", { className: "nothing" }, page.error ? "This page was not read." : "No text on this page."));
    this.pane.lang = page.language;
    this.pane.replaceChildren(...regions);
    this.pane.scrollTo(0, 0);
    this.lines[0]?.setAttribute("tabindex", "0");
    this.detail.hidden = true;
  }

  region(region) {
    const made = element("section", { className: `region ${region.type}` });
    if (region.type !== "paragraph") {
      const name = region.type.replace("-", " ");
      made.setAttribute("aria-label", name);
      made.append(element("p", { className: "region-name", "aria-hidden": "true" }, name));
    }
    if (region.lines.length) made.append(this.list(region.lines));
    const cells = region.regions.filter((nested) => nested.row !== null);
    if (cells.length) made.append(this.table(cells));
    const others = region.regions.filter((nested) => nested.row === null && hasLines(nested));
    made.append(...others.map((nested) => this.region(nested)));
    return made;
  }

  list(lines) {
    return element("ol", { className: "lines", role: "list" }, ...lines.map((line) => this.lines[line.index]));
  }

  table(cells) {
    const rows = new Map();
    for (const cell of cells) rows.set(cell.row, [...(rows.get(cell.row) ?? []), cell]);
    const sorted = [...rows.entries()].sort(([first], [second]) => first - second);
    return element("table", { className: "table" }, ...sorted.map(([, row]) =>
      element("tr", {}, ...row.sort((first, second) => first.column - second.column)
        .map((cell) => element("td", {}, ...(hasLines(cell) ? [this.region({ ...cell, type: "paragraph" })] : []))))));
  }

  line(line) {
    const made = element("li", {
      className: "line-text", dir: "auto", tabIndex: -1, "data-line": line.index, "data-number": line.index + 1,
    });
    this.fill(made, line, []);
    return made;
  }

  /** Write the text of `line` into `made`, with words and the ranges of `matches` marked. */
  fill(made, line, matches) {
    const parts = [];
    if (!line.text) {
      parts.push(element("span", { className: "empty" }, line.flags.includes("failed") ? "not read" : "blank"));
    } else if (line.places) {
      let from = 0;
      line.places.forEach(([start, end], index) => {
        parts.push(...marked(line.text, from, start, matches));
        parts.push(element("span", { className: `word ${doubt(line.words[index].confidence)}`, "data-line": line.index, "data-word": index },
          ...marked(line.text, start, end, matches)));
        from = end;
      });
      parts.push(...marked(line.text, from, line.text.length, matches));
    } else {
      parts.push(element("span", { className: doubt(line.confidence) }, ...marked(line.text, 0, line.text.length, matches)));
    }
    for (const flag of line.flags) {
      if (line.text || !["blank", "failed"].includes(flag)) {
        parts.push(element("span", { className: "flag", title: FLAGS[flag] }, flag));
      }
    }
    made.replaceChildren(...parts);
  }

  /** Mark matches: a map from line to its ranges; `current` is the line and number of the chosen one. */
  found(matches, current) {
    this.page.lines.forEach((line, index) => {
      const ranges = matches.get(index) ?? [];
      if (ranges.length || this.lines[index].querySelector("mark")) this.fill(this.lines[index], line, ranges);
    });
    if (current) {
      for (const mark of this.lines[current.line].querySelectorAll(`mark[data-match="${current.start}"]`)) mark.classList.add("current");
    }
  }

  hover(line, word) {
    for (const marked of this.pane.querySelectorAll(".hover")) marked.classList.remove("hover");
    if (line === null) return;
    this.lines[line].classList.add("hover");
    if (word !== null) this.lines[line].querySelector(`[data-word="${word}"]`)?.classList.add("hover");
  }

  select(line, position) {
    for (const chosen of this.lines) {
      chosen.classList.remove("selected");
      chosen.removeAttribute("aria-current");
      chosen.tabIndex = -1;
    }
    const chosen = this.lines[line ?? 0];
    if (chosen) chosen.tabIndex = 0;
    this.detail.hidden = line === null;
    if (line === null) return;
    chosen.classList.add("selected");
    chosen.setAttribute("aria-current", "true");
    this.describe(this.page.lines[line], position);
  }

  reveal(line) {
    this.lines[line].scrollIntoView({ block: "nearest" });
  }

  focus(line) {
    this.lines[line]?.focus({ preventScroll: true });
  }

  /** Write what is known about `line` under the text. */
  describe(line) {
    const known = [`Line ${line.index + 1}`];
    if (line.confidence !== null) known.push(`confidence ${percent(line.confidence)}`);
    const parts = [element("p", {}, known.join(", "))];
    for (const flag of line.flags) parts.push(element("p", {}, element("strong", {}, flag), `: ${FLAGS[flag] ?? ""}`));
    if (line.error) parts.push(element("p", { className: "soft" }, line.error));
    if (line.alternatives.length) {
      const others = line.alternatives.map(({ text, confidence }) => element("li", {},
        element("span", { className: "reading-of", dir: "auto" }, text),
        element("span", { className: "soft" }, confidence === null ? "" : `, ${percent(confidence)}`)));
      parts.push(element("p", { className: "soft" }, "Other readings:"), element("ul", {}, ...others));
    }
    this.detail.replaceChildren(...parts);
  }
}

function hasLines(region) {
  return region.lines.length > 0 || region.regions.some(hasLines);
}

/** Return text[from:to] as strings, and marks where `matches` ([start, end] each) lie. */
function marked(text, from, to, matches) {
  const parts = [];
  let at = from;
  for (const [start, end] of matches) {
    const [low, high] = [Math.max(start, at), Math.min(end, to)];
    if (low >= high) continue;
    if (low > at) parts.push(text.slice(at, low));
    parts.push(element("mark", { "data-match": start }, text.slice(low, high)));
    at = high;
  }
  if (at < to) parts.push(text.slice(at, to));
  return parts;
}

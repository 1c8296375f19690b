// The report's data: inert blocks in the page, decoded when they are first needed.

/** Make an element. Strings become text nodes, never markup. */
function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === "") continue;
    if (key in made && !key.includes("-")) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** Make an SVG element. */
function shape(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function byId(id) {
  return document.getElementById(id);
}

/** What the report is about: title, pages, and which confidences are doubtful. */
const report = JSON.parse(byId("document").textContent);

/** The whole document is parsed: every block is there. */
const parsed = new Promise((resolve) => {
  if (document.readyState !== "loading") resolve();
  else document.addEventListener("DOMContentLoaded", () => resolve(), { once: true });
});

/** Return the block called `id`, or null. The script runs before the later blocks are parsed. */
async function block(id) {
  if (!byId(id)) await parsed;
  return byId(id);
}

/** Pages and images of the report, kept for as long as they are likely to be needed again. */
class Blocks {
  constructor(kept = 6) {
    this.pages = new Map();
    this.urls = new Map();
    this.kept = kept;
  }

  /** Return page `index` with its lines in reading order as `page.lines`. */
  async page(index) {
    if (!this.pages.has(index)) {
      const found = await block(`page-${index}`);
      const page = JSON.parse(found.textContent);
      page.lines = [];
      for (const region of page.regions) number(region, page);
      this.pages.set(index, page);
    }
    return this.pages.get(index);
  }

  /** Return a blob URL of image `id`, or null if the report has none. */
  async url(id) {
    if (!this.urls.has(id)) {
      const found = await block(id);
      if (!found) return null;
      const bytes = Uint8Array.from(atob(found.textContent), (letter) => letter.charCodeAt(0));
      this.urls.set(id, URL.createObjectURL(new Blob([bytes], { type: found.dataset.media })));
    } else {
      const url = this.urls.get(id); // used again: the last to go
      this.urls.delete(id);
      this.urls.set(id, url);
    }
    this.forget("image-");
    return this.urls.get(id);
  }

  /** Free the page images used longest ago. */
  forget(prefix) {
    const held = [...this.urls.keys()].filter((id) => id.startsWith(prefix));
    for (const id of held.slice(0, -this.kept)) {
      URL.revokeObjectURL(this.urls.get(id));
      this.urls.delete(id);
    }
  }
}

/** Give the lines of `region` their number in the page, and words their place in the text. */
function number(region, page) {
  for (const line of region.lines) {
    line.index = page.lines.length;
    line.places = places(line);
    page.lines.push(line);
  }
  for (const nested of region.regions) number(nested, page);
}

/** Return [start, end] of each word in the line's text, or null if they do not fit it. */
function places(line) {
  const found = [];
  let from = 0;
  for (const word of line.words) {
    const start = line.text.indexOf(word.text, from);
    if (start < 0) return null;
    from = start + word.text.length;
    found.push([start, from]);
  }
  return found.length ? found : null;
}

/** How far a confidence is to be trusted: "low", "middle" or "". */
function doubt(confidence) {
  if (confidence === null || confidence >= report.middle) return "";
  return confidence < report.low ? "low" : "middle";
}

/** What the flags of a line mean. */
const FLAGS = {
  blank: "no ink here: empty on purpose",
  truncated: "the end of the line may be missing",
  repeated: "the reader fell into a loop; the repetition was cut off",
  failed: "this line could not be read",
  split: "a wide line, read in pieces and joined",
  boxed: "no sure outline: a plain box stands in",
};

function percent(value) {
  return `${Math.round(value * 100)} %`;
}

/** The lines of a page as text: a line each, regions parted by an empty line. */
function plainText(page) {
  const linesOf = (region) => [...region.lines, ...region.regions.flatMap(linesOf)];
  const regions = page.regions.map(linesOf).filter((lines) => lines.length);
  return regions.map((lines) => lines.map((line) => line.text).join("\n")).join("\n\n");
}

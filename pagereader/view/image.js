// The page image with what was found on it.

/** Shows one page as SVG: image below, regions, lines and words above, in page pixels. */
class ImageView {
  constructor(stage, on) {
    this.stage = stage;
    this.on = on;
    this.zoom = "width"; // "width", "page", or screen pixels a page pixel
    this.layers = new Set(["lines", "doubt"]);
    new ResizeObserver(() => this.resize()).observe(stage);
    stage.addEventListener("pointerover", (event) => on.hover(...hit(event)));
    stage.addEventListener("pointerleave", () => on.hover(null, null));
    stage.addEventListener("click", (event) => this.click(event));
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.listenForDrags();
  }

  /** Draw `page`; the image follows when it is decoded. */
  show(page, position, count) {
    this.page = page;
    const turned = page.orientation % 180 !== 0;
    this.size = turned ? [page.height, page.width] : [page.width, page.height];
    const letter = Math.max(...this.size) / 90; // size of our own labels
    this.image = shape("image", { width: page.width, height: page.height, preserveAspectRatio: page.error ? "xMidYMid" : "none" });
    const regions = flatten(page.regions);
    this.lines = page.lines.map((line) => polygon(line, `over line ${doubt(line.confidence)}`, { "data-line": line.index }));
    this.words = page.lines.map((line) => line.words.map((word, index) =>
      polygon(word, `over word ${doubt(word.confidence)}`, { "data-line": line.index, "data-word": index })));
    // A line whose words are known is shaded word by word.
    page.lines.forEach((line, index) => line.words.length && this.lines[index].classList.remove("low", "middle"));
    this.sheet = shape("g", { transform: upright(page) },
      shape("rect", { class: "paper", width: page.width, height: page.height }),
      this.image,
      ...regions.map((region) => polygon(region, "over region")),
      ...this.lines,
      ...page.lines.map((line) => shape("polyline", { class: "over baseline", points: line.baseline.join(" ") })),
      ...this.words.flat(),
      readingOrder(page, letter),
      regionNames(regions, page, letter));
    const known = page.lines.length === 1 ? "one line" : `${page.lines.length} lines`;
    this.svg = shape("svg", {
      viewBox: `0 0 ${this.size.join(" ")}`, role: "img",
      "aria-label": `Page ${position} of ${count}: ${known}. The text is in the next section.`,
    }, this.sheet);
    this.setLayers();
    this.stage.replaceChildren(this.svg);
    this.stage.scrollTo(0, 0);
    this.resize();
  }

  setImage(url) {
    if (url) this.image.setAttribute("href", url);
  }

  setLayers(layers = this.layers) {
    this.layers = layers;
    this.svg?.setAttribute("class", ["sheet-svg", ...[...layers].map((name) => `show-${name}`)].join(" "));
  }

  hover(line, word) {
    for (const marked of this.svg.querySelectorAll(".hover")) marked.classList.remove("hover");
    if (line === null) return;
    this.lines[line].classList.add("hover");
    if (word !== null) this.words[line][word]?.classList.add("hover");
  }

  select(line) {
    this.svg.querySelector(".selected")?.classList.remove("selected");
    if (line !== null) this.lines[line].classList.add("selected");
  }

  /** Mark what a search found: `matches` maps lines to the ranges of their text. */
  found(matches) {
    for (const marked of this.svg.querySelectorAll(".found")) marked.classList.remove("found");
    for (const [index, ranges] of matches) {
      const { places } = this.page.lines[index];
      if (!places) this.lines[index].classList.add("found");
      places?.forEach(([start, end], word) => {
        if (ranges.some(([from, to]) => from < end && to > start)) this.words[index][word].classList.add("found");
      });
    }
  }

  /** Scroll so that `line` is in view, if it is not. */
  reveal(line) {
    const box = this.lines[line].getBoundingClientRect();
    const seen = this.stage.getBoundingClientRect();
    const off = (low, high, from, to) => (low < from || high > to ? (low + high - from - to) / 2 : 0);
    this.stage.scrollBy(
      box.width > seen.width ? Math.min(0, box.left - seen.left - 12) : off(box.left, box.right, seen.left, seen.right),
      off(box.top, box.bottom, seen.top, seen.bottom));
  }

  /** Screen pixels a page pixel. */
  scale() {
    const [width, height] = this.size;
    const style = getComputedStyle(this.stage);
    const across = (this.stage.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight)) / width;
    const down = (this.stage.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom)) / height;
    if (this.zoom === "width") return Math.max(across, 0.01);
    if (this.zoom === "page") return Math.max(Math.min(across, down), 0.01);
    return this.zoom;
  }

  resize() {
    if (!this.svg) return;
    const scale = this.scale();
    this.svg.setAttribute("width", Math.max(1, this.size[0] * scale));
    this.svg.setAttribute("height", Math.max(1, this.size[1] * scale));
    this.on.zoomed(scale, this.zoom);
  }

  /** Zoom by `factor`, keeping the point at (x, y) of the stage where it is. */
  zoomBy(factor, x = this.stage.clientWidth / 2, y = this.stage.clientHeight / 2) {
    const before = this.scale();
    this.zoom = Math.min(8, Math.max(0.02, before * factor));
    const grown = this.zoom / before;
    const { scrollLeft, scrollTop } = this.stage;
    this.resize();
    this.stage.scrollTo((scrollLeft + x) * grown - x, (scrollTop + y) * grown - y);
  }

  fit() {
    this.zoom = this.zoom === "width" ? "page" : "width";
    this.resize();
  }

  wheel(event) {
    if (!event.ctrlKey) return;
    event.preventDefault();
    const frame = this.stage.getBoundingClientRect();
    this.zoomBy(Math.exp(-event.deltaY / 300), event.clientX - frame.left, event.clientY - frame.top);
  }

  click(event) {
    if (this.dragged) return;
    const [line] = hit(event);
    if (line !== null) this.on.select(line);
  }

  /** A mouse drags the page; a finger scrolls it by itself. */
  listenForDrags() {
    let from = null;
    this.stage.addEventListener("pointerdown", (event) => {
      this.dragged = false;
      if (event.pointerType === "mouse" && event.button === 0) {
        from = [event.clientX, event.clientY, this.stage.scrollLeft, this.stage.scrollTop];
      }
    });
    window.addEventListener("pointermove", (event) => {
      if (!from) return;
      const [x, y] = [event.clientX - from[0], event.clientY - from[1]];
      if (!this.dragged && Math.hypot(x, y) < 5) return;
      this.dragged = true;
      this.stage.classList.add("dragging");
      this.stage.scrollTo(from[2] - x, from[3] - y);
    });
    window.addEventListener("pointerup", () => {
      from = null;
      this.stage.classList.remove("dragging");
    });
  }
}

/** Return the line and word under the pointer, null where there is none. */
function hit(event) {
  const over = event.target.closest?.("[data-line]");
  if (!over) return [null, null];
  return [Number(over.dataset.line), over.dataset.word === undefined ? null : Number(over.dataset.word)];
}

function polygon(thing, name, attributes = {}) {
  return shape("polygon", { class: name, points: thing.polygon.join(" "), ...attributes });
}

function flatten(regions) {
  return regions.flatMap((region) => [region, ...flatten(region.regions)]);
}

/** The transform that turns the page upright. */
function upright(page) {
  const shift = { 90: [page.height, 0], 180: [page.width, page.height], 270: [0, page.width] };
  const [x, y] = shift[page.orientation] ?? [0, 0];
  return `translate(${x} ${y}) rotate(${page.orientation})`;
}

/** Numbers at the lines' beginnings, joined by a path. */
function readingOrder(page, letter) {
  const placed = page.lines.filter((line) => line.baseline.length >= 4);
  const starts = placed.map((line) => before(line.baseline, letter * 1.2));
  const order = shape("g", { class: "order" }, shape("path", { d: starts.map((at, i) => `${i ? "L" : "M"}${at.join(" ")}`).join("") }));
  starts.forEach(([x, y], index) => {
    order.append(
      shape("circle", { cx: x, cy: y, r: letter }),
      shape("text", { x, y, "font-size": letter, transform: `rotate(${-page.orientation} ${x} ${y})` }, String(placed[index].index + 1)));
  });
  return order;
}

/** Return the point `distance` before the baseline's beginning. */
function before([x, y, nextX, nextY], distance) {
  const length = Math.hypot(nextX - x, nextY - y) || 1;
  return [Math.round(x - ((nextX - x) / length) * distance), Math.round(y - ((nextY - y) / length) * distance)];
}

function regionNames(regions, page, letter) {
  const names = regions.filter((region) => region.polygon.length).map((region) => {
    const [x, y] = region.polygon;
    return shape("text", { x, y: y - letter * 0.4, "font-size": letter * 1.2, transform: `rotate(${-page.orientation} ${x} ${y})` }, region.type);
  });
  return shape("g", { class: "labels" }, ...names);
}

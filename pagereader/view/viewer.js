// The report itself: one page at a time, image and text linked both ways.

class Viewer {
  constructor() {
    this.blocks = new Blocks();
    this.pages = report.pages;
    this.index = -1;
    this.line = null;
    const on = {
      hover: (line, word) => this.hover(line, word),
      select: (line) => this.select(line),
      zoomed: (scale, zoom) => this.zoomed(scale, zoom),
    };
    this.text = new TextView(byId("text"), byId("detail"), on);
    this.image = new ImageView(byId("stage"), on);
    this.search = new Search(this.blocks, this.pages.length);
    this.thumbs = new Thumbnails(byId("thumbs"), this.blocks, (index) => this.go(index));
  }

  async start() {
    byId("title").textContent = report.title;
    byId("count").textContent = this.pages.length;
    const doubts = this.pages.reduce((sum, page) => sum + page.doubts, 0);
    byId("doubts").textContent = doubts || "";
    byId("next-doubt").disabled = doubts === 0;
    byId("next-doubt").title = `Next doubtful line, of ${doubts} (u)`;
    this.showPages(this.pages.length > 1 && innerWidth > 1000);
    byId("pages-toggle").hidden = this.pages.length < 2;
    this.listen();
    const [page, line] = address();
    await this.go(page < this.pages.length ? page : 0, line);
  }

  /** Show page `index`, and choose `line` if one is given. */
  async go(index, line = null) {
    if (index < 0 || index >= this.pages.length) return;
    if (index !== this.index) {
      this.wanted = index;
      const page = await this.blocks.page(index);
      if (this.wanted !== index) return; // another page was asked for meanwhile
      this.index = index;
      this.page = page;
      this.line = null;
      this.text.show(page);
      this.image.show(page, index + 1, this.pages.length);
      this.showMatches();
      this.thumbs.select(index);
      byId("number").value = index + 1;
      byId("previous").disabled = index === 0;
      byId("next").disabled = index === this.pages.length - 1;
      this.notice([page.error && `This page was not read: ${page.error}`, page.notice].filter(Boolean).join(" "));
      this.say(`Page ${index + 1} of ${this.pages.length}, ${page.lines.length} lines`);
      this.blocks.url(`image-${index}`).then((url) => this.index === index && this.image.setImage(url));
    }
    if (line !== null && line < this.page.lines.length) this.select(line);
    remember(this.index, this.line);
  }

  hover(line, word) {
    this.image.hover(line, word);
    this.text.hover(line, word);
  }

  /** Choose `line` of this page, in image and text. */
  select(line) {
    if (line === this.line) return;
    this.line = line;
    this.text.select(line);
    this.image.select(line);
    if (line !== null) {
      this.image.reveal(line);
      this.text.reveal(line);
    }
    remember(this.index, this.line);
  }

  /** Choose the line `step` further on, on the next page if need be. */
  async move(step) {
    const next = this.line === null ? (step > 0 ? 0 : this.page.lines.length - 1) : this.line + step;
    if (next >= 0 && next < this.page.lines.length) this.select(next);
    else if (this.pages[this.index + step]) {
      await this.go(this.index + step);
      if (this.page.lines.length) this.select(step > 0 ? 0 : this.page.lines.length - 1);
    }
    this.text.focus(this.line);
  }

  /** Go to the next line that is flagged or uncertain, round to the first after the last. */
  async nextDoubt() {
    for (let away = 0; away <= this.pages.length; away += 1) {
      const index = (this.index + away) % this.pages.length;
      if (!this.pages[index].doubts) continue;
      const { lines } = await this.blocks.page(index);
      const after = away === 0 ? (this.line ?? -1) : -1;
      const found = lines.find((line) => line.doubtful && line.index > after);
      if (found) {
        await this.go(index, found.index);
        this.text.focus(found.index);
        return;
      }
    }
  }

  async find() {
    const query = byId("query").value;
    if (!(await this.search.find(query))) return;
    const { length } = this.search.matches;
    for (const id of ["match-next", "match-previous"]) byId(id).disabled = length === 0;
    byId("matches").textContent = query.trim() ? String(length) : "";
    if (query.trim()) this.say(length === 1 ? "1 match" : `${length || "no"} matches`);
    this.showMatches();
  }

  async nextMatch(step) {
    const match = this.search.step(step, this.index);
    if (!match) return;
    await this.go(match.page, match.line);
    const place = `${this.search.current + 1}/${this.search.matches.length}`;
    byId("matches").textContent = place;
    this.showMatches();
    this.say(`Match ${this.search.current + 1} of ${this.search.matches.length}: ${this.page.lines[match.line].text}`);
  }

  showMatches() {
    const matches = this.search.on(this.index);
    const current = this.search.matches[this.search.current];
    this.text.found(matches, current?.page === this.index ? current : null);
    this.image.found(matches);
  }

  async copy(all) {
    const indices = all ? this.pages.keys() : [this.index];
    const texts = [];
    for (const index of indices) texts.push(plainText(await this.blocks.page(index)));
    const done = await writeClipboard(texts.join("\n\n"));
    this.say(done ? `Copied the text of ${all ? "all pages" : `page ${this.index + 1}`}` : "The browser did not allow copying", true);
  }

  notice(message) {
    byId("notice").textContent = message;
    byId("notice").hidden = !message;
  }

  /** Tell screen readers, and `aloud` everyone. */
  say(message, aloud = false) {
    const status = byId("status");
    status.textContent = message;
    status.classList.toggle("toast", aloud);
    clearTimeout(this.saying);
    if (aloud) this.saying = setTimeout(() => status.classList.remove("toast"), 2500);
  }

  zoomed(scale, zoom) {
    byId("zoom-value").textContent = { width: "Width", page: "Page" }[zoom] ?? percent(scale);
  }

  showPages(shown) {
    byId("pages").hidden = !shown;
    byId("pages-toggle").setAttribute("aria-expanded", String(shown));
  }

  listen() {
    const onClick = {
      "pages-toggle": () => this.showPages(byId("pages").hidden),
      previous: () => this.go(this.index - 1),
      next: () => this.go(this.index + 1),
      "zoom-in": () => this.image.zoomBy(1.25),
      "zoom-out": () => this.image.zoomBy(0.8),
      "zoom-fit": () => this.image.fit(),
      "match-previous": () => this.nextMatch(-1),
      "next-doubt": () => this.nextDoubt(),
      copy: () => this.copy(false),
      "copy-all": () => this.copy(true),
      "help-open": () => byId("help").showModal(),
    };
    for (const [id, action] of Object.entries(onClick)) byId(id).addEventListener("click", action);
    let typing;
    byId("query").addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(() => this.find(), 120);
    });
    byId("search").addEventListener("submit", async (event) => {
      event.preventDefault();
      clearTimeout(typing);
      if (this.search.current < 0) await this.find();
      this.nextMatch(1);
    });
    byId("number").addEventListener("change", (event) => {
      const wanted = Number.parseInt(event.target.value, 10);
      if (this.pages[wanted - 1]) this.go(wanted - 1);
      else event.target.value = this.index + 1;
    });
    byId("menu").addEventListener("change", (event) => this.choose(event.target));
    document.addEventListener("click", (event) => {
      if (!byId("menu").contains(event.target)) byId("menu").open = false;
    });
    document.addEventListener("keydown", (event) => this.key(event));
    window.addEventListener("hashchange", () => this.go(...address()));
  }

  /** Apply a choice of the menu. */
  choose(input) {
    if (input.dataset.layer) {
      const layers = [...byId("menu").querySelectorAll("[data-layer]:checked")].map((box) => box.dataset.layer);
      this.image.setLayers(new Set(layers));
      byId("text").classList.toggle("show-doubt", layers.includes("doubt"));
    } else {
      const root = input.name === "theme" ? document.documentElement : document.body;
      root.dataset[input.name] = input.value;
      this.image.resize();
    }
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
    if (event.key === "Escape") this.escape();
    const field = event.target.closest("input, button, summary, a");
    if (event.target.id === "query" && event.key === "Enter" && event.shiftKey) {
      event.preventDefault();
      this.nextMatch(-1);
    }
    if (event.target.matches("input")) return;
    const moves = {
      ArrowDown: () => this.move(1), ArrowUp: () => this.move(-1),
      Home: () => this.end(0), End: () => this.end(this.page.lines.length - 1),
    };
    const letters = {
      n: () => this.go(this.index + 1), p: () => this.go(this.index - 1),
      u: () => this.nextDoubt(), c: () => this.copy(false),
      "/": () => byId("query").focus(), "?": () => byId("help").showModal(),
      "+": () => this.image.zoomBy(1.25), "=": () => this.image.zoomBy(1.25),
      "-": () => this.image.zoomBy(0.8), 0: () => this.image.fit(),
    };
    const action = (!field && moves[event.key]) || (byId("single-keys").checked && letters[event.key]);
    if (!action) return;
    event.preventDefault();
    action();
  }

  end(line) {
    if (!this.page.lines.length) return;
    this.select(line);
    this.text.focus(line);
  }

  escape() {
    if (byId("menu").open) {
      byId("menu").open = false;
      byId("menu").querySelector("summary").focus();
    } else if (byId("query").value) {
      byId("query").value = "";
      this.find();
    } else this.select(null);
  }
}

/** The pages as small pictures, each decoded when it comes into view. */
class Thumbnails {
  constructor(list, blocks, go) {
    this.blocks = blocks;
    this.frame = list.parentElement;
    const watcher = new IntersectionObserver((entries) => {
      for (const entry of entries.filter((seen) => seen.isIntersecting)) {
        watcher.unobserve(entry.target);
        this.load(entry.target);
      }
    }, { root: this.frame, rootMargin: "300px" });
    this.buttons = report.pages.map((page, index) => {
      const turned = page.orientation % 180 !== 0;
      const [width, height] = turned ? [page.height, page.width] : [page.width, page.height];
      const picture = shape("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
        shape("g", { transform: upright(page) },
          shape("image", { width: page.width, height: page.height, preserveAspectRatio: page.error ? "xMidYMid" : "none" })));
      const count = page.error ? "not read" : page.doubts ? `${page.doubts} doubtful` : "";
      const button = element("button", { className: "thumb", type: "button", title: page.label, "data-index": index },
        element("span", { className: "sheet-of-paper" }, picture),
        element("span", {}, element("span", { className: "sr" }, "Page "), String(index + 1)),
        ...(count ? [element("span", { className: "mark", title: count }, " •", element("span", { className: "sr" }, count))] : []));
      button.addEventListener("click", () => go(index));
      watcher.observe(button);
      return button;
    });
    list.append(...this.buttons.map((button) => element("li", {}, button)));
  }

  async load(button) {
    const url = await this.blocks.url(`thumb-${button.dataset.index}`);
    if (url) button.querySelector("image").setAttribute("href", url);
  }

  select(index) {
    for (const button of this.buttons) button.removeAttribute("aria-current");
    this.buttons[index].setAttribute("aria-current", "page");
    this.reveal(this.buttons[index]);
  }

  /** Scroll to `button` if it is out of sight; scrollIntoView would move the start of Tab, too. */
  reveal(button) {
    const [box, seen] = [button.getBoundingClientRect(), this.frame.getBoundingClientRect()];
    if (box.top < seen.top || box.bottom > seen.bottom) this.frame.scrollBy(0, (box.top + box.bottom - seen.top - seen.bottom) / 2);
  }
}

/** Return page and line of the address's fragment (#page.line, both from 1). */
function address() {
  const found = /^#(\d+)(?:\.(\d+))?$/.exec(location.hash);
  if (!found) return [0, null];
  return [Math.max(0, Number(found[1]) - 1), found[2] ? Math.max(0, Number(found[2]) - 1) : null];
}

function remember(page, line) {
  const fragment = line === null ? `#${page + 1}` : `#${page + 1}.${line + 1}`;
  try {
    history.replaceState(null, "", fragment);
  } catch {
    // a sandboxed frame may forbid it; the report works without
  }
}

async function writeClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = element("textarea", { className: "sr" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

byId("text").classList.add("show-doubt");
new Viewer().start();

// Draws the panels of a model's page as they come into view. Data comes as JSON from this host and is put into
// the page as text, never as markup. Vega runs its expressions with an interpreter, so the policy needs no eval.
(() => {
  "use strict";

  const query = document.getElementById("query");
  if (!query || !window.vegaEmbed) return;

  const AT_ONCE = 12;
  const drawn = new Map(); // panel id -> { spec, view }
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const still = { load: () => Promise.reject(new Error("charts load nothing")), sanitize: () => Promise.reject(new Error("no links")) };

  function theme() {
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(`--${name}`).trim();
    const font = getComputedStyle(document.body).fontFamily;
    const series = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => color(`series-${n}`));
    const text = { labelFont: font, titleFont: font, labelColor: color("muted"), titleColor: color("muted") };
    return {
      background: "transparent",
      font,
      view: { stroke: null },
      axis: { ...text, labelFontSize: 11, titleFontSize: 11, titleFontWeight: "normal", gridColor: color("grid"), domainColor: color("line"), tickColor: color("line"), tickSize: 3 },
      axisX: { grid: false },
      axisBand: { ticks: false },
      legend: { ...text, labelFontSize: 11, orient: "top", direction: "horizontal", columns: 3, labelLimit: 150, symbolType: "square", symbolSize: 70, offset: 4, padding: 0 },
      range: { category: series, ordinal: [color("live"), color("alarm"), color("training-edge")] },
      style: {
        training: { color: color("training"), fill: color("training"), stroke: color("training-edge"), strokeWidth: 0.5, cornerRadius: 1 },
        stack: { opacity: 0.9, cornerRadius: 0 },
        series: { strokeWidth: 1.7, strokeJoin: "round" },
        measure: { strokeWidth: 1.7, strokeJoin: "round", color: color("live") },
        reference: { color: color("training-edge"), strokeDash: [5, 4], strokeWidth: 1.5 },
      },
      bar: { cornerRadius: 1 },
    };
  }

  async function draw(id, spec) {
    const figure = document.getElementById(id);
    const place = figure.querySelector(".chart");
    const before = drawn.get(id);
    if (before && before.view) before.view.finalize();
    const result = await window.vegaEmbed(place, spec, {
      actions: false, ast: true, renderer: "svg", defaultStyle: false, config: theme(),
      loader: still, tooltip: { disableDefaultStyle: true, theme: "plain" },
    });
    place.removeAttribute("aria-busy");
    drawn.set(id, { spec, view: result.view });
  }

  function texts(parent, items, name) {
    parent.replaceChildren(...items.map((item) => {
      const element = document.createElement("span");
      element.className = name;
      element.textContent = item;
      return element;
    }));
  }

  // The numbers behind a distribution, for those who cannot or would rather not read a chart.
  function numbers(figure, rows, training) {
    const cell = (name, text) => {
      const element = document.createElement(name);
      element.textContent = text;
      return element;
    };
    const percent = (share) => `${(share * 100).toFixed(2)} %`;
    const line = (name, cells) => {
      const element = document.createElement("tr");
      element.append(...cells.map((text, place) => cell(place === 0 ? "th" : name, text)));
      return element;
    };
    const head = document.createElement("thead");
    head.append(line("th", ["value", "events", "live", ...(training ? ["training"] : [])]));
    const body = document.createElement("tbody");
    body.append(...rows.map((row) => line("td", [
      row.label, row.events.toLocaleString("en"), percent(row.live), ...(training ? [percent(row.training)] : []),
    ])));
    const table = document.createElement("table");
    table.append(head, body);
    const details = document.createElement("details");
    details.className = "numbers";
    details.append(cell("summary", "Numbers"), table);
    figure.append(details);
  }

  function say(figure, text) {
    const place = figure.querySelector(".chart");
    place.removeAttribute("aria-busy");
    place.classList.add("empty");
    place.textContent = text;
  }

  async function show(panel) {
    const figure = document.getElementById(panel.id);
    figure.querySelector(".facts").textContent = panel.facts.join(" · ");
    texts(figure.querySelector(".notices"), panel.notices, "notice");
    if (!panel.spec) return say(figure, panel.empty);
    await draw(panel.id, panel.spec);
    const rows = panel.spec.datasets.rows;
    if (rows.length && "label" in rows[0]) numbers(figure, rows, "training" in rows[0]);
  }

  async function load(ids) {
    const figures = ids.map((id) => document.getElementById(id));
    try {
      const parameters = new URLSearchParams(query.dataset.query);
      parameters.set("ids", ids.join(","));
      const response = await fetch(`${query.dataset.path}?${parameters}`, { credentials: "same-origin" });
      const answer = await response.json();
      if (!response.ok) throw new Error(answer.error || response.statusText);
      for (const panel of answer.panels) await show(panel);
    } catch (error) {
      figures.filter((figure) => figure.querySelector("[aria-busy]")).forEach((figure) => say(figure, `Not drawn: ${error.message}`));
    }
  }

  // What comes into view at the same time is requested together.
  let wanted = [];
  let busy = Promise.resolve();
  function flush() {
    const ids = wanted.splice(0, AT_ONCE);
    if (!ids.length) return;
    busy = busy.then(() => load(ids)).then(flush);
  }
  const observer = new IntersectionObserver((entries) => {
    const fresh = entries.filter((entry) => entry.isIntersecting).map((entry) => entry.target);
    fresh.forEach((figure) => observer.unobserve(figure));
    const waiting = wanted.length > 0;
    wanted.push(...fresh.map((figure) => figure.dataset.panel));
    if (!waiting) setTimeout(flush, 0);
  }, { rootMargin: "600px 0px" });
  document.querySelectorAll("[data-panel]").forEach((figure) => observer.observe(figure));

  dark.addEventListener("change", async () => {
    for (const [id, { spec }] of [...drawn]) await draw(id, spec);
  });
})();

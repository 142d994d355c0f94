// The charts, with models that can be switched off and an epoch that can be looked at. Without this, the page shows the
// same charts as they are.
"use strict";
(() => {
  const boxes = [...document.querySelectorAll(".toggles input")];
  const readout = document.querySelector(".readout");
  const slider = readout.querySelector("input");
  const views = [];
  const models = [...new Set(boxes.map((box) => box.value))];
  const shown = new Set(models);
  const epochs = new Map();
  for (const table of document.querySelectorAll("[data-epochs]")) {
    const lines = [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.textContent));
    epochs.set(table.dataset.epochs, new Map(lines.map(([epoch, ...cells]) => [Number(epoch), cells])));
  }
  const lasts = [...epochs.values()].map((lines) => Math.max(...lines.keys()));
  const last = Math.max(...lasts);

  function signal(name, value) {
    for (const view of views) view.signal(name, value).runAsync();
  }

  function look(epoch) {
    slider.value = epoch;
    readout.querySelector("output").textContent = epoch;
    for (const row of readout.querySelectorAll("tbody tr")) {
      const cells = epochs.get(row.dataset.of).get(epoch) ?? ["–", "–", "–", "–"];
      cells.forEach((text, place) => { row.cells[place + 1].textContent = text; });
    }
    signal("epoch", epoch);
  }

  function show(model, on) {
    if (on) shown.add(model); else shown.delete(model);
    for (const box of boxes) if (box.value === model) box.checked = on;
    for (const one of document.querySelectorAll("[data-of]")) one.hidden = !shown.has(one.dataset.of);
    signal("shown", models.filter((one) => shown.has(one)));
  }

  function follow(view, canvas) {
    canvas.addEventListener("pointermove", (event) => {
      const left = canvas.querySelector("svg").getBoundingClientRect().left;
      const x = event.clientX - left - view.origin()[0] - view.padding().left;
      const epoch = Math.round(view.scale("x").invert(x));
      look(Math.min(last, Math.max(1, epoch)));
    });
  }

  async function draw(figure) {
    const specification = JSON.parse(figure.querySelector("script").textContent);
    const canvas = figure.querySelector(".canvas");
    const options = { actions: false, ast: true, defaultStyle: false, mode: "vega-lite", renderer: "svg", tooltip: false };
    const made = await vegaEmbed(canvas, { ...specification, width: "container" }, options);
    views.push(made.view);
    if (figure.closest("#curves")) follow(made.view, canvas);
  }

  Promise.all([...document.querySelectorAll(".chart")].map(draw)).then(() => {
    for (const box of boxes) {
      box.hidden = false;
      box.addEventListener("change", () => show(box.value, box.checked));
    }
    slider.max = last;
    slider.addEventListener("input", () => look(Number(slider.value)));
    readout.hidden = false;
    look(Math.min(...lasts));
    document.documentElement.dataset.charts = "ready";
  });
})();

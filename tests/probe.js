// Put at the end of a copy of the page by `test_browser.py`: uses the page as somebody would, and tells the window around
// it what came of it.
(async () => {
  const pause = (time) => new Promise((done) => setTimeout(done, time));
  for (let tries = 0; document.documentElement.dataset.charts !== "ready" && tries < 200; tries++) await pause(50);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const found = { ready: document.documentElement.dataset.charts === "ready" };
  for (const one of all("details")) one.open = true;

  const channels = (color) => {
    const [r, g, b, a] = color.match(/[\d.]+/g).map(Number);
    const scale = color.startsWith("color(") ? 255 : 1;
    return [r * scale, g * scale, b * scale, a ?? 1];
  };
  const over = ([r, g, b, a], [x, y, z]) => [r * a + x * (1 - a), g * a + y * (1 - a), b * a + z * (1 - a)];
  const ground = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) layers.unshift(channels(getComputedStyle(one).backgroundColor));
    return layers.reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const luminance = (color) => {
    const [r, g, b] = color.map((part) => part / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (front, back) => {
    const [low, high] = [luminance(front), luminance(back)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const written = all("body *").filter((one) =>
    [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) && one.getClientRects().length &&
    !one.matches("script, .unseen, .unseen *, .skip"));
  found.texts = written.length;
  found.faint = written.map((one) => {
    const style = getComputedStyle(one), back = ground(one);
    const front = over(channels(one.closest("svg") ? style.fill : style.color), back);
    return [one.textContent.trim().slice(0, 40), contrast(front, back)];
  }).filter(([, ratio]) => ratio < 4.5);
  found.faintMarks = all(".spot").map((one) => contrast(channels(getComputedStyle(one).backgroundColor), ground(one.parentElement)))
    .filter((ratio) => ratio < 3).length;
  found.small = [...new Set(written.map((one) => parseFloat(getComputedStyle(one).fontSize)))].filter((size) => size < 11);

  const focusable = all("a, summary, input, .scroll");
  found.unfocused = focusable.filter((one) => {
    one.focus();
    const marked = [one, one.closest("label")].filter(Boolean).map((each) => getComputedStyle(each));
    return document.activeElement !== one || !marked.some((style) => style.outlineStyle === "solid");
  }).map((one) => one.outerHTML.slice(0, 80));
  found.first = focusable[0].textContent;
  found.nameless = all("input").filter((one) => !one.labels.length).length;

  const lines = () => document.querySelector("#curves .chart svg").querySelectorAll(".mark-line path[stroke]").length;
  const spots = (name) => all(`.spot[data-of="${name}"]`).filter((one) => one.getClientRects().length).length;
  const box = document.querySelector("#curves .toggles input"), slider = document.querySelector(".readout input");
  found.lines = [lines()];
  found.spots = [spots(box.value)];
  box.click();
  await pause(300);
  found.lines.push(lines());
  found.spots.push(spots(box.value));
  found.boxes = all(".toggles input").filter((one) => one.value === box.value).map((one) => one.checked);
  box.click();
  await pause(300);
  found.lines.push(lines());
  slider.value = 3;
  slider.dispatchEvent(new Event("input"));
  found.readout = [...document.querySelector(".readout tbody tr").cells].map((cell) => cell.textContent);
  const canvas = document.querySelector("#curves .canvas"), place = canvas.getBoundingClientRect();
  canvas.dispatchEvent(new PointerEvent("pointermove", { clientX: place.right - 8, clientY: place.top + 50 }));
  found.hovered = document.querySelector(".readout output").textContent;

  found.width = [document.documentElement.scrollWidth, document.documentElement.clientWidth];
  found.fetched = performance.getEntriesByType("resource").map((one) => one.name).filter((name) => !name.startsWith("data:"));
  found.dark = matchMedia("(prefers-color-scheme: dark)").matches;
  parent.postMessage(JSON.stringify(found), "*");
})();

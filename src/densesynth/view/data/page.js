"use strict";
// The page that `densesynth show` writes. Each frame's labels are six byte planes (part, U, V, instance, vertex's low
// byte, its high byte), each row differenced, deflated and in base64: read so, and not through a canvas, because a
// browser may alter what it gives back from one.

const { fine, coarse, people, ramp, isoLines, fineToCoarse, fineNames, keypointColours, bones } =
  JSON.parse(document.getElementById("constants").textContent);
const element = (id) => document.getElementById(id);
const viewer = element("viewer"), stage = element("stage"), overlay = element("overlay"), marks = element("marks");
const cards = [...document.querySelectorAll("button.card")];
const decoded = new Map(); // position → promise of planes; a few at a time, so that a long dataset fits in memory
const KEPT = 6;
let position = -1, planes = null, frame = null, reading = null;

const frameOf = (card) => JSON.parse(element(card.dataset.frame).textContent);

async function readPlanes(data) {
  const packed = Uint8Array.from(atob(data.planes), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const { width, height } = data, size = width * height;
  for (let row = 0; row < 6 * height; row++)
    for (let k = row * width + 1, end = (row + 1) * width; k < end; k++) bytes[k] += bytes[k - 1];
  const plane = (k) => bytes.subarray(k * size, (k + 1) * size);
  return { width, height, part: plane(0), u: plane(1), v: plane(2), instance: plane(3), low: plane(4), high: plane(5) };
}

function planesOf(place, data) {
  if (!decoded.has(place)) {
    decoded.set(place, readPlanes(data));
    if (decoded.size > KEPT) decoded.delete(decoded.keys().next().value);
  }
  return decoded.get(place);
}

// ---- painting -------------------------------------------------------------------------------------------------

function colourOf(p, layer, k) {
  if (layer === "parts") return fine[p.part[k]];
  if (layer === "coarse") return coarse[fineToCoarse[p.part[k]]];
  if (layer === "instances") return people[(p.instance[k] - 1) % people.length];
  return ramp[p[layer][k]];
}

function paint(canvas, p, layer) {
  canvas.width = p.width; canvas.height = p.height;
  if (layer === "picture") return;
  const context = canvas.getContext("2d"), image = context.createImageData(p.width, p.height), out = image.data;
  const chart = layer === "u" || layer === "v", values = chart ? p[layer] : null;
  const band = (k) => (values[k] * isoLines) >> 8;
  for (let k = 0; k < p.part.length; k++) {
    if (!p.instance[k]) continue;
    const colour = colourOf(p, layer, k);
    let shade = 1;
    if (chart) {
      const right = (k + 1) % p.width ? k + 1 : k, below = k + p.width < p.part.length ? k + p.width : k;
      if (p.part[right] !== p.part[k] || p.part[below] !== p.part[k]) shade = 0;
      else if (band(right) !== band(k) || band(below) !== band(k)) shade = 0.55;
    }
    out[4 * k] = colour[0] * shade; out[4 * k + 1] = colour[1] * shade; out[4 * k + 2] = colour[2] * shade;
    out[4 * k + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

const layer = () => document.querySelector("input[name=layer]:checked").value;
const css = (colour) => `rgb(${colour.join(" ")})`;

function mark(name, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  marks.append(node);
  return node;
}

function drawMarks() {
  marks.replaceChildren();
  const pixel = frame.width / Math.max(stage.clientWidth, 1); // one screen pixel, in picture pixels
  for (const person of frame.people) {
    if (element("show-boxes").checked) {
      const [x, y, width, height] = person.bbox;
      mark("rect", { x, y, width, height, fill: "none", stroke: css(people[(person.instance - 1) % people.length]), "stroke-width": 2 * pixel });
    }
    if (element("show-points").checked)
      for (const [x, y, part] of person.points)
        mark("circle", { cx: x, cy: y, r: 3 * pixel, fill: css(fine[part]), stroke: "#000", "stroke-width": pixel });
    if (!element("show-keypoints").checked) continue;
    const points = person.keypoints;
    for (const [a, b] of bones) {
      if (!points[a][2] || !points[b][2]) continue;
      const side = a === 0 || b === 0 || a % 2 === b % 2 ? keypointColours[Math.max(a, b)] : keypointColours[0];
      const ends = { x1: points[a][0], y1: points[a][1], x2: points[b][0], y2: points[b][1] };
      mark("line", { ...ends, stroke: "#000", "stroke-width": 4 * pixel });
      mark("line", { ...ends, stroke: css(side), "stroke-width": 2 * pixel });
    }
    points.forEach(([x, y, v], k) => {
      if (!v) return;
      const colour = css(keypointColours[k]), place = { cx: x, cy: y };
      if (v === 2) mark("circle", { ...place, r: 4.5 * pixel, fill: colour, stroke: "#000", "stroke-width": 1.2 * pixel });
      else {
        mark("circle", { ...place, r: 4.5 * pixel, fill: "none", stroke: "#000", "stroke-width": 4 * pixel });
        mark("circle", { ...place, r: 4.5 * pixel, fill: "none", stroke: colour, "stroke-width": 1.8 * pixel });
      }
    });
  }
  if (reading) {
    const [x, y] = [reading[0] + 0.5, reading[1] + 0.5];
    for (const [colour, width] of [["#000", 3], ["#fff", 1]])
      mark("path", { d: `M${x - 9 * pixel} ${y}h${18 * pixel}M${x} ${y - 9 * pixel}v${18 * pixel}`, stroke: colour, "stroke-width": width * pixel });
  }
}

function drawOverlay() {
  paint(overlay, planes, layer());
  overlay.style.opacity = element("opacity").value / 100;
  element("picture").style.visibility = element("show-picture").checked ? "visible" : "hidden";
  element("opacity-value").value = `${element("opacity").value} %`;
  drawMarks();
}

// ---- reading the surface ---------------------------------------------------------------------------------------

function textNode(tag, text) {
  const node = document.createElement(tag);
  node.textContent = text;
  return node;
}

function read(column, row) {
  const box = element("readout");
  const k = row * planes.width + column, part = planes.part[k];
  const lines = [`pixel centre (${column + 0.5}, ${row + 0.5})`];
  if (!planes.instance[k]) lines.push("no person here");
  else {
    lines.push(`person ${planes.instance[k]}, part ${part} ${fineNames[part]}`);
    lines.push(`I ${part}   U ${(planes.u[k] / 255).toFixed(3)}   V ${(planes.v[k] / 255).toFixed(3)}`);
    if (frame.vertices) lines.push(`nearest vertex ${planes.low[k] + 256 * planes.high[k]}`);
  }
  box.replaceChildren();
  lines.forEach((line, n) => { if (n) box.append(document.createElement("br")); box.append(textNode(n === 1 ? "b" : "span", line)); });
}

stage.addEventListener("pointermove", (event) => {
  if (!planes) return;
  const box = stage.getBoundingClientRect();
  const column = Math.floor((event.clientX - box.left) / box.width * planes.width);
  const row = Math.floor((event.clientY - box.top) / box.height * planes.height);
  if (column < 0 || row < 0 || column >= planes.width || row >= planes.height) return;
  if (reading) { reading = null; drawMarks(); }
  read(column, row);
});

function moveReading(dx, dy) {
  const [x, y] = reading ?? [planes.width >> 1, planes.height >> 1];
  reading = [Math.min(Math.max(x + dx, 0), planes.width - 1), Math.min(Math.max(y + dy, 0), planes.height - 1)];
  drawMarks();
  read(...reading);
}

// ---- the viewer ------------------------------------------------------------------------------------------------

function percent(share) { return `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`; }

function fillPeople() {
  element("people").replaceChildren(...frame.people.map((person) => {
    const row = document.createElement("tr"), first = document.createElement("td"), swatch = document.createElement("span");
    swatch.className = "swatch";
    swatch.style.background = css(people[(person.instance - 1) % people.length]);
    first.append(swatch, String(person.instance));
    const seen = person.keypoints.filter((p) => p[2] === 2).length;
    row.append(first, ...[
      person.bbox.map((value) => Math.round(value * 10) / 10).join(", "), person.area, percent(person.occluded),
      percent(person.truncated), `${seen} / ${person.keypoints.length}`, person.points.length,
    ].map((value) => textNode("td", value)));
    return row;
  }));
}

function fit() {
  if (!frame) return;
  const zoom = Number(element("zoom").value), room = stage.parentElement;
  const height = matchMedia("(max-width: 900px)").matches ? innerHeight * 0.62 : room.clientHeight;
  const whole = Math.min(room.clientWidth / frame.width, height / frame.height);
  stage.style.width = `${frame.width * whole * zoom}px`;
  stage.style.height = `${frame.height * whole * zoom}px`;
  stage.classList.toggle("enlarged", whole * zoom > 2);
  element("zoom-value").value = `${zoom}×`;
  drawMarks();
}

async function open(place) {
  position = place;
  const card = cards[place], wanted = frameOf(card);
  const found = await planesOf(place, wanted);
  if (position !== place) return; // leafed on meanwhile
  frame = wanted; planes = found; reading = null;
  element("picture").src = card.querySelector("img").src;
  stage.setAttribute("aria-label", card.querySelector("img").alt);
  marks.setAttribute("viewBox", `0 0 ${frame.width} ${frame.height}`);
  element("viewer-title").textContent = `Frame ${frame.name} · ${place + 1} of ${cards.length}`;
  element("previous").disabled = place === 0;
  element("next").disabled = place === cards.length - 1;
  element("readout").textContent = "Point at the picture to read the surface under the pointer.";
  fillPeople();
  const opens = !viewer.open;
  if (opens) viewer.showModal();
  const focused = document.activeElement; // a button that was just disabled would swallow the keys
  if (opens || focused.disabled || !viewer.contains(focused)) stage.focus({ preventScroll: true });
  history.replaceState(null, "", `#${card.id}`);
  fit();
  drawOverlay();
}

function leaf(step) {
  if (position + step >= 0 && position + step < cards.length) open(position + step);
}

cards.forEach((card, place) => card.addEventListener("click", () => open(place)));
element("previous").addEventListener("click", () => leaf(-1));
element("next").addEventListener("click", () => leaf(1));
element("close").addEventListener("click", () => viewer.close());
viewer.addEventListener("close", () => {
  history.replaceState(null, "", location.pathname + location.search);
  cards[position]?.focus();
});
for (const input of viewer.querySelectorAll("input")) input.addEventListener("input", input.id === "zoom" ? fit : drawOverlay);
new ResizeObserver(fit).observe(stage.parentElement);

const toggles = { p: "show-picture", k: "show-keypoints", b: "show-boxes", d: "show-points" };
viewer.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !planes) return;
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const onInput = event.target.matches("input[type=range], input[type=radio]");
  const key = event.key.toLowerCase();
  if (event.key in arrows && event.shiftKey) moveReading(...arrows[event.key]);
  else if (onInput && event.key in arrows) return; // the control's own keys
  else if (event.key === "ArrowLeft") leaf(-1);
  else if (event.key === "ArrowRight") leaf(1);
  else if (key in toggles) element(toggles[key]).click();
  else if (key >= "1" && key <= "6") element("layers").querySelectorAll("input")[key - 1].click();
  else if (key === "+" || key === "=" || key === "-") {
    element("zoom").value = Number(element("zoom").value) + (key === "-" ? -1 : 1);
    fit();
  } else return;
  event.preventDefault();
});

// ---- thumbnails and legend -------------------------------------------------------------------------------------

element("thumbnail-layer").addEventListener("input", async (event) => {
  const wanted = event.target.value;
  for (const card of cards) {
    if (element("thumbnail-layer").value !== wanted) return; // another choice was made meanwhile
    paint(card.querySelector("canvas"), wanted === "picture" ? { width: 1, height: 1 } : await readPlanes(frameOf(card)), wanted);
  }
});

element("legend").append(...fineNames.slice(1).map((name, k) => {
  const item = document.createElement("li"), swatch = document.createElement("span");
  swatch.className = "swatch";
  swatch.style.background = css(fine[k + 1]);
  item.append(swatch, `${k + 1} ${name}`);
  return item;
}));

element("too-old").hidden = "DecompressionStream" in window;
const wantedCard = cards.findIndex((card) => `#${card.id}` === location.hash);
if (wantedCard >= 0) open(wantedCard);

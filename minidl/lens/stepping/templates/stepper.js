"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const phases = ["forward", "loss", "backward", "update"];
const byId = (id) => document.getElementById(id);
let now = 0;            // the present op
const lineOf = {};      // for each op: the present line of its run

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  for (const child of children) if (child !== null && child !== undefined) element.append(child);
  return element;
}

// ---- one array: its name, where it comes from, statistics, picture, values, histogram

function picture(array) {
  const scale = Math.max(1, Math.min(24, Math.floor(380 / Math.max(array.picture.width, array.picture.height * 1.5))));
  const image = make("img", {
    src: array.picture.uri, width: array.picture.width * scale, height: array.picture.height * scale,
    alt: "heat map: " + array.picture.caption, style: array.picture.height === 1 ? "height: 14px" : "height: auto",
  });
  return make("figure", null, image, make("figcaption", null, array.picture.caption));
}

function table(array) {
  const body = make("tbody");
  for (const row of array.rows) {
    const line = make("tr");
    for (const cell of row) line.append(make("td", null, cell));
    body.append(line);
  }
  const note = array.left_out ? make("figcaption", null, array.left_out) : null;
  return make("figure", null, make("div", { class: "scroll" }, make("table", null, body)), note);
}

function histogram(array) {
  const [counts, low, high] = array.histogram;
  const space = "http://www.w3.org/2000/svg", tallest = Math.max(...counts);
  const svg = document.createElementNS(space, "svg");
  const shape = (tag, attributes, text) => {
    const element = document.createElementNS(space, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text) element.textContent = text;
    svg.append(element);
  };
  const attributes = { class: "histogram", viewBox: "0 0 192 62", width: 192, height: 62, role: "img",
    "aria-label": `histogram from ${low} to ${high}, the fullest of ${counts.length} bins holds ${tallest}` };
  for (const [name, value] of Object.entries(attributes)) svg.setAttribute(name, value);
  counts.forEach((n, k) => {
    const tall = 48 * n / tallest;
    shape("rect", { x: 8 * k, y: 48 - tall, width: 7, height: tall, fill: "currentColor", opacity: 0.65 });
  });
  shape("text", { x: 0, y: 60, "font-size": 10, fill: "currentColor" }, low);
  shape("text", { x: 192, y: 60, "font-size": 10, fill: "currentColor", "text-anchor": "end" }, high);
  return make("figure", null, svg);
}

function card(item) {
  const array = data.arrays[item.array];
  const looks = make("div", { class: "looks" });
  if (array.picture) looks.append(picture(array));
  looks.append(table(array));
  if (array.histogram) looks.append(histogram(array));
  return make("div", { class: "array", "data-name": item.name },
    make("h4", null, item.name + " ", make("span", null, `${array.shape} ${array.dtype}`)),
    item.from ? make("p", { class: "small" }, "from " + item.from) : null,
    make("p", { class: "small stats" }, array.statistics),
    item.differs ? make("p", { class: "small differs" }, item.differs) : null,
    looks);
}

// ---- the op's source, line by line

function source(moment) {
  const lines = moment.lines;
  if (!lines) return null;
  const at = Math.min(lineOf[moment.number] || 0, lines.steps.length - 1);
  const [name, number, values] = lines.steps[at];
  const code = make("div", { class: "code", role: "region", "aria-label": "NumPy source", tabindex: "0" });
  const { first, text } = data.sources[name];
  text.forEach((line, k) => {
    const present = first + k === number;
    code.append(make("div", present ? { class: "present", "aria-current": "step" } : null,
      make("span", { class: "number" }, String(first + k)), line || " "));
  });
  const shown = make("div", { class: "values" });
  for (const [variable, value] of values) shown.append(make("div", null, `${variable} = ${value}`));
  if (!values.length) shown.append(make("div", null, "(no variable changed)"));
  const move = (by) => { lineOf[moment.number] = Math.max(0, Math.min(at + by, lines.steps.length - 1)); show(); };
  const section = make("section", { class: "source" },
    make("h3", null, "The op in NumPy, line by line"),
    make("span", { class: "group" },
      make("button", Object.assign({ type: "button", class: "line-back", "aria-label": "Back one line", onclick: () => move(-1) },
        at === 0 ? { disabled: "" } : {}), "▲ line"),
      make("span", { class: "small line-where" }, `line ${number}, step ${at} of ${lines.steps.length - 1}`),
      make("button", Object.assign({ type: "button", class: "line-next", "aria-label": "On to the next line", onclick: () => move(1) },
        at === lines.steps.length - 1 ? { disabled: "" } : {}), "▼ line")),
    code,
    make("p", { class: "small" }, "made or changed by this line:"), shown,
    lines.left_out ? make("p", { class: "small" }, lines.left_out) : null);
  requestAnimationFrame(() => {
    const present = code.querySelector(".present");
    if (present) code.scrollTop = present.offsetTop - code.offsetTop - code.clientHeight / 2;
  });
  return section;
}

// ---- one op

// The indices of a sum stand below its sign: "Σr,s,c" has r,s,c as a subscript.
function formula(text) {
  const line = make("p", { class: "formula" });
  let end = 0;
  for (const match of text.matchAll(/Σ([a-z](?:,[a-z])*)(?![a-z])/g)) {
    line.append(text.slice(end, match.index), "Σ", make("sub", null, match[1]));
    end = match.index + match[0].length;
  }
  line.append(text.slice(end));
  return line;
}

function panel(moment, isNow) {
  const head = moment.direction === "backward" ? "Backward" : moment.phase === "update" ? "Update" : "Forward";
  const parts = [
    make("span", { class: "kind" }, `${head} · op ${moment.number}`),
    make("h2", null, moment.title),
    formula(moment.formula),
    make("p", { class: "small" }, `on ${moment.backend} (${moment.why})${moment.keywords}`),
  ];
  for (const [title, items] of [["Inputs", moment.inputs], ["Outputs", moment.outputs]]) {
    parts.push(make("h3", null, title));
    for (const item of items) parts.push(card(item));
  }
  return make("section", { class: isNow ? "panel now" : "panel", "aria-label": `${head}: ${moment.title}`,
    "data-number": moment.number }, ...parts, source(moment));
}

function show() {
  const moment = data.moments[now];
  const pair = moment.partner === null ? [moment] : [moment, data.moments[moment.partner]].sort((a, b) => a.number - b.number);
  byId("main").replaceChildren(...pair.map((one) => panel(one, one === moment)));
  byId("where").textContent = `${now} of ${data.moments.length - 1}`;
  byId("slider").value = now;
  byId("slider").setAttribute("aria-valuetext", moment.title);
  byId("back").disabled = now === 0;
  byId("next").disabled = now === data.moments.length - 1;
  byId("layer").value = moment.layer;
  for (const button of byId("phases").children) button.setAttribute("aria-pressed", String(button.textContent === moment.phase));
  for (const button of byId("list").querySelectorAll("button")) {
    const present = Number(button.dataset.number) === now;
    button.setAttribute("aria-current", String(present));
    if (present) {
      const list = byId("list"), top = button.offsetTop - list.offsetTop;
      if (top < list.scrollTop || top > list.scrollTop + list.clientHeight - 30) list.scrollTop = top - list.clientHeight / 2;
    }
  }
}

function goto(number) {
  now = Math.max(0, Math.min(number, data.moments.length - 1));
  show();
}

function toPhase(phase) {
  const found = data.moments.find((moment) => moment.phase === phase);
  if (found) goto(found.number);
}

function toLayer(name) {
  const phase = data.moments[now].phase;
  const found = data.moments.find((m) => m.layer === name && m.phase === phase) || data.moments.find((m) => m.layer === name);
  if (found) goto(found.number);
}

// ---- what stays

byId("summary").textContent = data.summary;
byId("slider").max = data.moments.length - 1;
byId("slider").addEventListener("input", (event) => goto(Number(event.target.value)));
byId("back").addEventListener("click", () => goto(now - 1));
byId("next").addEventListener("click", () => goto(now + 1));
byId("layer").append(make("option", { value: "" }, "(none)"));
for (const layer of data.layers) byId("layer").append(make("option", { value: layer }, layer));
byId("layer").addEventListener("change", (event) => toLayer(event.target.value));
for (const phase of phases) {
  const moments = data.moments.filter((moment) => moment.phase === phase);
  const button = make("button", { type: "button", onclick: () => toPhase(phase) }, phase);
  button.disabled = !moments.length;
  byId("phases").append(button);
  if (moments.length) byId("list").append(make("h3", null, phase));
  for (const moment of moments) {
    byId("list").append(make("button", { type: "button", "data-number": moment.number, title: moment.title,
      onclick: () => goto(moment.number) },
      `${moment.number} ${moment.differs ? "≠ " : ""}${moment.op} `,
      make("span", { class: "layer" }, moment.weight || moment.layer)));
  }
}

function project() {  // to the wall: larger, without the list
  const on = document.documentElement.classList.toggle("projector");
  byId("projector").setAttribute("aria-pressed", String(on));
}
byId("projector").addEventListener("click", project);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || ["SELECT", "INPUT"].includes(event.target.tagName)) return;
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key], line = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const phase = { f: "forward", l: "loss", b: "backward", u: "update" }[event.key];
  const moment = data.moments[now];
  if (step) goto(now + step);
  else if (line && moment.lines) {
    lineOf[now] = Math.max(0, Math.min((lineOf[now] || 0) + line, moment.lines.steps.length - 1));
    show();
  } else if (phase) toPhase(phase);
  else if (event.key === "p" && moment.partner !== null) goto(moment.partner);
  else if (event.key === "w") project();
  else return;
  event.preventDefault();
});

show();

"use strict";

const LANE = 14; // between lines that lead past others

// What follows from the nodes alone, without a page.

/** The nodes whose text touches a line of a source. */
function nodesOfLine(nodes, source, line) {
  return nodes.filter((node) => node.source === source && node.first <= line && line <= node.last);
}

/** The columns of a line that a node's text covers; null where it covers none. */
function columnsOf(node, line, length) {
  if (line < node.first || line > node.last) return null;
  const start = line === node.first ? node.start : 0;
  const end = line === node.last ? node.end : length;
  return end > start ? [start, Math.min(end, length)] : null;
}

/** What is said of a node, a sentence a line. */
function factsOf(node) {
  const times = node.count > 1 ? `${node.count} times, together ` : "";
  const costs = [`${node.params.toLocaleString("en")} parameters`, `${node.macs.toLocaleString("en")} MACs`];
  return [
    node.text,
    `${node.input} → ${node.output}`,
    `${times}${costs.join(", ")}${node.share ? ` (${node.share})` : ""}`,
  ].filter((line) => line);
}

/** A curve from one rectangle to another: to what stands beside, or around what stands between by a lane. */
function curve(from, to, lane) {
  const [y, v] = [(from.top + from.bottom) / 2, (to.top + to.bottom) / 2];
  if (from.right < to.left) {
    const middle = (from.right + to.left) / 2;
    return `M${from.right} ${y}C${middle} ${y} ${middle} ${v} ${to.left} ${v}`;
  }
  const [begin, end] = lane < from.left ? [from.left, to.left] : [from.right, to.right];
  const bend = Math.min(40, Math.abs(v - y) / 2) * Math.sign(v - y);
  return `M${begin} ${y}Q${lane} ${y} ${lane} ${y + bend}L${lane} ${v - bend}Q${lane} ${v} ${end} ${v}`;
}

/** Ways from one height to another, the longest last, so that those inside of others come before them. */
function byLength(ways) {
  const length = ({ from, to }) => Math.abs(to.top - from.top);
  return [...ways].sort((one, other) => length(one) - length(other));
}

function start(page) {
  const nodes = JSON.parse(page.getElementById("nodes").textContent);
  const drawing = page.getElementById("drawing");
  const far = page.getElementById("far");
  const facts = page.getElementById("facts");
  const spec = page.getElementById("spec");
  const elements = new Map([...drawing.querySelectorAll("[data-node]")].map((one) => [Number(one.dataset.node), one]));
  const takers = [...drawing.querySelectorAll(".port[data-from], .box[data-from]")];
  drawing.style.padding = `0 ${Math.min(20 + LANE * takers.length, 300)}px`;
  const lineOf = (source, line) => spec.querySelector(`[data-source="${source}"] > li:nth-child(${line})`);

  function paragraph(text, kind) {
    const made = page.createElement("p");
    made.textContent = text;
    if (kind) made.className = kind;
    return made;
  }

  /** The element itself, or the closed box that it is in. */
  function visible(element) {
    let found = element;
    for (let one = element.parentElement; one && one !== drawing; one = one.parentElement)
      if (one.hidden) found = one.parentElement;
    return found;
  }

  function clear() {
    for (const one of page.querySelectorAll(".lit")) one.classList.remove("lit");
    for (const one of spec.querySelectorAll("mark")) one.parentElement.textContent = one.parentElement.textContent;
  }

  /** Marks a node's text, and says what it is. */
  function show(number, scrolls) {
    const node = nodes[number];
    clear();
    elements.get(number).classList.add("lit");
    const path = node.last_path === node.path ? node.path : `${node.path} to ${node.last_path}`;
    facts.replaceChildren(paragraph(path, "path"), ...factsOf(node).map((text) => paragraph(text)));
    const place = spec.querySelector(`[data-source="${node.source}"]`);
    facts.append(paragraph(`${place.dataset.name}:${node.first}`, "note"));
    for (let line = node.first; line <= node.last; line += 1) mark(lineOf(node.source, line), node, line);
    const first = lineOf(node.source, node.first);
    if (scrolls && first) first.scrollIntoView({ block: "center" });
  }

  function mark(item, node, line) {
    const text = item.textContent;
    const columns = columnsOf(node, line, text.length);
    if (!columns) return;
    const made = page.createElement("mark");
    made.textContent = text.slice(...columns);
    item.replaceChildren(text.slice(0, columns[0]), made, text.slice(columns[1]));
  }

  function showLine(item) {
    clear();
    item.classList.add("lit");
    const source = Number(item.parentElement.dataset.source);
    const line = [...item.parentElement.children].indexOf(item) + 1;
    const found = nodesOfLine(nodes, source, line);
    for (const node of found) visible(elements.get(node.number)).classList.add("lit");
    return found;
  }

  function toggle(button, opens) {
    button.setAttribute("aria-expanded", String(opens));
    page.getElementById(button.getAttribute("aria-controls")).hidden = !opens;
  }

  /** Lines to what takes a value from afar, and heads beside what they hang on. */
  function join() {
    const origin = drawing.getBoundingClientRect();
    for (const track of drawing.querySelectorAll(".aside > .chain")) {
      const giver = drawing.querySelector(`[data-key="${track.dataset.from}"]`);
      track.style.marginTop = "0";
      if (giver) {
        const gap = visible(giver).getBoundingClientRect().bottom - track.getBoundingClientRect().top;
        track.style.marginTop = `${Math.max(10, gap)}px`;
      }
    }
    const place = (element) => {
      const { left, right, top, bottom } = element.getBoundingClientRect();
      return { left: left - origin.left, right: right - origin.left, top: top - origin.top, bottom: bottom - origin.top };
    };
    const ways = takers.flatMap((taker) =>
      taker.dataset.from.split(" ").flatMap((key) => {
        const giver = drawing.querySelector(`[data-key="${key}"]`) ?? drawing.querySelector(`[data-entry="${key}"] > .head`);
        const [one, other] = [giver && visible(giver), visible(taker)];
        if (!one || one.contains(other)) return [];
        let around = one.parentElement;
        while (!around.contains(other)) around = around.parentElement;
        return [{ from: place(one), to: place(other), around: place(around) }];
      }),
    );
    const lanes = { left: 0, right: 0 };
    const paths = byLength(ways).map(({ from, to, around }) => {
      const side = (to.left + to.right) / 2 < (from.left + from.right) / 2 - 2 ? "left" : "right";
      lanes[side] += LANE;
      const path = page.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("d", curve(from, to, side === "left" ? around.left - lanes.left : around.right + lanes.right));
      return path;
    });
    far.replaceChildren(...paths);
  }

  const numberOf = (target) => {
    const element = target.closest ? target.closest("[data-node]") : null;
    return element ? Number(element.dataset.node) : null;
  };
  for (const event of ["mouseover", "focusin"])
    drawing.addEventListener(event, ({ target }) => {
      const number = numberOf(target);
      if (number !== null) show(number, false);
    });
  drawing.addEventListener("click", ({ target }) => {
    const number = numberOf(target);
    if (number === null) return;
    const button = target.closest("[aria-expanded]");
    if (button) toggle(button, button.getAttribute("aria-expanded") !== "true");
    show(number, true);
    join();
  });
  for (const event of ["mouseover", "focusin"])
    spec.addEventListener(event, ({ target }) => {
      const item = target.closest("li[tabindex]");
      if (item && !item.classList.contains("lit")) showLine(item);
    });
  spec.addEventListener("click", ({ target }) => {
    const item = target.closest("li[tabindex]");
    const found = item ? showLine(item) : [];
    if (found.length) visible(elements.get(found[0].number)).scrollIntoView({ block: "center", inline: "center" });
  });
  for (const [name, opens] of [["open", true], ["close", false]])
    page.getElementById(name).addEventListener("click", () => {
      for (const button of drawing.querySelectorAll("[aria-expanded]")) toggle(button, opens);
      join();
    });
  page.defaultView.addEventListener("resize", join);
  join();
}

if (typeof document !== "undefined") start(document);
if (typeof module !== "undefined") module.exports = { nodesOfLine, columnsOf, factsOf, curve, byLength };

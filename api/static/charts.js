// Charts of a patient: limits dashed and shaded beyond, the patient's usual band, offending, doubtful and wrong points apart.
import { clock, moment } from "./words.js";
import { look, now } from "./page.js";

const zone = document.documentElement.dataset.zone;
const place = document.getElementById("charts");
const drawn = new Map();
const FINE = 0, BEYOND = 1, DOUBTFUL = 2, WRONG = 3;
const GAP = 3; // a line breaks where a pause is this many times the usual

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const text = (value, decimals) => value.toFixed(decimals);

/** One x axis for all lines of a chart; a null where somebody did not measure for long breaks the line. */
function columns(chart) {
  const lines = chart.lines.map((line) => {
    const points = new Map();
    const believed = line.at.map((time, i) => [time, line.values[i], line.states[i]]).filter(([, , state]) => state < DOUBTFUL);
    const steps = believed.slice(1).map(([time], i) => time - believed[i][0]).sort((a, b) => a - b);
    const usual = Math.max(steps[Math.floor(steps.length * 0.9)] ?? 0, 3600);
    believed.forEach(([time, value], i) => {
      if (i && time - believed[i - 1][0] > GAP * usual) points.set((time + believed[i - 1][0]) / 2, null);
      points.set(time, value);
    });
    return points;
  });
  const at = [...new Set([...lines.flatMap((points) => [...points.keys()]), ...chart.lines.flatMap((line) => line.at)])].sort((a, b) => a - b);
  return [at, ...lines.map((points) => at.map((time) => points.get(time)))];
}

function range(chart) {
  const own = chart.lines.flatMap((line) => [...line.values, ...line.low, ...line.high]);
  if (chart.usual) own.push(...chart.usual);
  let low = Math.min(...own), high = Math.max(...own);
  const room = Math.max(high - low, Math.abs(high) * 0.03, 0.5);
  for (const { value } of chart.limits) if (value >= low - room && value <= high + room) { low = Math.min(low, value); high = Math.max(high, value); }
  const edge = Math.max(high - low, 1) * 0.12;
  return [low - edge, high + edge];
}

function beneath(chart) {
  return (u) => {
    const { ctx, bbox } = u, ratio = devicePixelRatio;
    const y = (value) => Math.round(u.valToPos(value, "y", true));
    ctx.save();
    ctx.beginPath(); ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height); ctx.clip();
    if (chart.usual) {
      ctx.fillStyle = colour("usual");
      ctx.fillRect(bbox.left, y(chart.usual[1]), bbox.width, Math.max(y(chart.usual[0]) - y(chart.usual[1]), 2 * ratio));
    }
    ctx.fillStyle = colour("beyond");
    const lows = chart.limits.filter((limit) => limit.operator.startsWith("<")), highs = chart.limits.filter((limit) => limit.operator.startsWith(">"));
    if (chart.lines.length === 1) {
      if (lows.length) { const top = y(Math.max(...lows.map((limit) => limit.value))); ctx.fillRect(bbox.left, top, bbox.width, bbox.top + bbox.height - top); }
      if (highs.length) { const bottom = y(Math.min(...highs.map((limit) => limit.value))); ctx.fillRect(bbox.left, bbox.top, bbox.width, bottom - bbox.top); }
    }
    for (const [i, line] of chart.lines.entries()) {
      if (!line.low.length) continue;
      ctx.fillStyle = colour("line");
      ctx.beginPath();
      line.at.forEach((time, k) => { const x = u.valToPos(time, "x", true); k ? ctx.lineTo(x, y(line.high[k])) : ctx.moveTo(x, y(line.high[k])); });
      for (let k = line.at.length - 1; k >= 0; k--) ctx.lineTo(u.valToPos(line.at[k], "x", true), y(line.low[k]));
      ctx.fill();
    }
    ctx.restore();
  };
}

function above(chart) {
  return (u) => {
    const { ctx, bbox } = u, ratio = devicePixelRatio;
    ctx.save();
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";
    let labels = [];
    for (const limit of chart.limits) {
      const y = Math.round(u.valToPos(limit.value, "y", true));
      if (y < bbox.top || y > bbox.top + bbox.height) continue;
      ctx.strokeStyle = colour("high");
      ctx.lineWidth = ratio;
      ctx.setLineDash(limit.emergency ? [6 * ratio, 3 * ratio] : [3 * ratio, 3 * ratio]);
      ctx.beginPath(); ctx.moveTo(bbox.left, y); ctx.lineTo(bbox.left + bbox.width, y); ctx.stroke();
      const free = labels.every((other) => Math.abs(other - y) > 11 * ratio);
      if (free) { ctx.fillStyle = colour("high"); ctx.fillText(limit.label, bbox.left + bbox.width + 5 * ratio, y); labels.push(y); }
    }
    ctx.setLineDash([]);
    for (const line of chart.lines) {
      line.at.forEach((time, i) => {
        const state = line.states[i];
        if (state === FINE) return;
        const x = u.valToPos(time, "x", true), y = u.valToPos(line.low.length && state === BEYOND ? worst(chart, line, i) : line.values[i], "y", true), r = 3.6 * ratio;
        if (x < bbox.left - 1 || x > bbox.left + bbox.width + r) return;
        const inside = Math.min(Math.max(y, bbox.top + r), bbox.top + bbox.height - r);
        ctx.beginPath();
        if (state === BEYOND) { ctx.fillStyle = colour("high"); ctx.arc(x, inside, r, 0, 7); ctx.fill(); return; }
        ctx.lineWidth = 1.5 * ratio;
        if (state === DOUBTFUL) {
          ctx.strokeStyle = colour("medium"); ctx.fillStyle = colour("card");
          ctx.moveTo(x, inside - 1.3 * r); ctx.lineTo(x + 1.3 * r, inside); ctx.lineTo(x, inside + 1.3 * r); ctx.lineTo(x - 1.3 * r, inside); ctx.closePath();
          ctx.fill(); ctx.stroke(); return;
        }
        ctx.strokeStyle = colour("soft");
        ctx.moveTo(x - r, inside - r); ctx.lineTo(x + r, inside + r); ctx.moveTo(x + r, inside - r); ctx.lineTo(x - r, inside + r); ctx.stroke();
      });
    }
    ctx.restore();
  };
}

const worst = (chart, line, i) => chart.limits.some((limit) => limit.operator.startsWith("<") && line.low[i] <= limit.value) ? line.low[i] : line.high[i];

function tip(chart, box) {
  const words = Object.assign(document.createElement("div"), { className: "tip", hidden: true });
  box.append(words);
  return (u) => {
    const { left, idx } = u.cursor;
    if (left < 0 || idx == null) { words.hidden = true; return; }
    const time = u.data[0][idx];
    const values = chart.lines.map((line) => {
      const i = line.at.indexOf(time);
      if (i < 0) return null;
      const value = line.low.length ? `${text(line.low[i], chart.decimals)}–${text(line.high[i], chart.decimals)}` : text(line.values[i], chart.decimals);
      return value + ({ [DOUBTFUL]: " (doubtful)", [WRONG]: " (marked wrong)" }[line.states[i]] ?? "");
    }).filter(Boolean);
    if (!values.length) { words.hidden = true; return; }
    words.textContent = `${values.join("/")} ${chart.unit} · ${moment(time * 1000, now(), zone).replace(/^today /, "")}`;
    words.hidden = false;
    const x = u.valToPos(time, "x") + u.bbox.left / devicePixelRatio;
    words.style.left = `${Math.min(Math.max(x - words.offsetWidth / 2, 0), box.clientWidth - words.offsetWidth)}px`;
    words.style.top = "0";
  };
}

function ticks(u, splits, chart) {
  return splits.map((at) => {
    if (chart.days === 1) return clock(at * 1000, zone);
    const name = moment(at * 1000, now(), zone).replace(/ \d+:\d\d$/, "");
    return name === "yesterday" ? "yest." : name;
  });
}

/** Midnights of the reader's zone, few enough to read; every few hours within a day. */
function splits(chart, width) {
  const [from, to] = chart.span, wanted = Math.max(2, Math.floor(width / 90));
  const offset = (at) => { const p = new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", hour: "numeric", minute: "2-digit" }).formatToParts(new Date(at * 1000)); const of = (type) => Number(p.find((x) => x.type === type).value); return of("hour") * 3600 + of("minute") * 60; };
  const step = chart.days === 1 ? [3, 6, 12].find((hours) => 24 / hours <= wanted) * 3600 || 43200 : Math.ceil(chart.days / wanted) * 86400;
  const anchor = Math.floor(to / 60) * 60 - offset(to); // midnight before now
  const found = [];
  for (let at = chart.days === 1 ? anchor + 86400 : anchor; at >= from; at -= step) if (at <= to) found.unshift(at);
  return found;
}

function draw(chart) {
  const box = place.querySelector(`[data-chart="${chart.name}"]`);
  if (!box) return;
  drawn.get(chart.name)?.destroy();
  box.replaceChildren();
  box.setAttribute("aria-label", chart.story);
  if (!chart.lines.some((line) => line.at.length)) {
    box.append(Object.assign(document.createElement("span"), { className: "none", textContent: `No readings in ${chart.days === 1 ? "24 hours" : `${chart.days} days`}` }));
    return;
  }
  const [low, high] = range(chart);
  const axis = { stroke: colour("soft"), font: "11px system-ui, sans-serif", ticks: { show: false }, grid: { stroke: colour("hair"), width: 1 } };
  const showsPoints = chart.lines[0].at.length <= 60 && !chart.lines[0].low.length;
  const options = {
    width: box.clientWidth, height: chart.lines.length > 1 ? 160 : 132, padding: [8, chart.lines.length > 1 ? 66 : 46, 0, 0], legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7, fill: colour("card"), stroke: colour("ink") } },
    scales: { x: { time: false, range: () => [chart.span[0], Math.max(chart.span[1], now() / 1000)] }, y: { range: () => [low, high] } },
    axes: [
      { ...axis, size: 24, splits: () => splits(chart, box.clientWidth), values: (u, at) => ticks(u, at, chart), grid: { show: false } },
      { ...axis, size: 38, space: 34, values: (u, at) => at.map((value) => (Number.isInteger(value) ? value : value.toFixed(1))) },
    ],
    series: [{}, ...chart.lines.map((line, i) => ({
      label: line.label, stroke: colour("ink"), width: 1.5, spanGaps: false, dash: i ? [5, 3] : undefined,
      points: { show: showsPoints, size: 4, fill: colour("ink"), stroke: colour("ink") },
    }))],
    hooks: { drawClear: [beneath(chart)], draw: [above(chart)], setCursor: [tip(chart, box)] },
  };
  drawn.set(chart.name, new window.uPlot(options, columns(chart), box));
}

let charts = [];
async function load() {
  const response = await look(place.dataset.address);
  if (!response.ok) return;
  charts = await response.json();
  charts.forEach(draw);
}

if (place) {
  window.addEventListener("load", load);
  document.addEventListener("wardlight:charts", load);
  let width = place.clientWidth;
  new ResizeObserver(() => {
    if (place.clientWidth !== width) { width = place.clientWidth; charts.forEach(draw); }
  }).observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.forEach(draw));
}

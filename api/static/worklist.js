// The live worklist: rows change where they stand, new ones wait until nobody is looking, and every action has a key.
import { keysActive, look, on, send, setClock, setPulse, tick, toast } from "./page.js";

const list = document.getElementById("list");
const show = document.getElementById("show");
const empty = document.getElementById("empty");
const waiting = new Map(); // public id → row that is not shown yet
let order = rows().map((row) => row.dataset.key);
let mark = list.dataset.mark;
let touched = 0; // when somebody last moved, scrolled or typed here
let undoable = []; // alerts of what was done last
let undoing = ["/worklist/undo", "Taken back: nobody owns it now."]; // how that is taken back

function rows() { return [...list.children]; }
const byKey = (key) => list.querySelector(`:scope > [data-key="${CSS.escape(key)}"]`);
const current = () => list.querySelector(":scope > [aria-current=true]");

// --- fetching ------------------------------------------------------------------------------------------------------
let busy = false, again = false, fetched = Date.now();
async function refresh() {
  if (busy) { again = true; return; }
  busy = true;
  try {
    const response = await look(`/worklist/rows?queue=${list.dataset.queue}&since=${mark}&rows=${list.dataset.rows}`);
    if (response.ok && !response.redirected) merge(new DOMParser().parseFromString(await response.text(), "text/html").getElementById("delta"));
  } catch { /* the line says that it is down; the next look tries again */ } finally {
    busy = false;
    if (again) { again = false; refresh(); }
  }
}

function merge(delta) {
  mark = delta.dataset.mark;
  fetched = Date.now();
  setClock(delta.dataset.now);
  setPulse(delta.querySelector("#pulse"), delta.querySelector("#house-says"));
  put(document.getElementById("lead"), delta.querySelector("#new-lead"));
  put(empty, delta.querySelector("#new-empty"));
  put(document.getElementById("rest"), delta.querySelector("#new-rest"));
  document.title = delta.dataset.title;
  order = delta.dataset.order.split(" ").filter(Boolean);
  const arrived = [];
  for (const fresh of [...delta.querySelector("ol").children]) {
    const shown = byKey(fresh.dataset.key);
    if (shown) update(shown, fresh);
    else { if (!waiting.has(fresh.dataset.key)) arrived.push(fresh); waiting.set(fresh.dataset.key, fresh); }
  }
  const fates = new Map([...delta.querySelectorAll("dt")].map((key) => [key.textContent, key.nextElementSibling.textContent]));
  const left = new Set(order), further = delta.querySelector("#new-rest").textContent.trim() ? "further down the list" : undefined;
  for (const key of [...waiting.keys()]) if (!left.has(key)) waiting.delete(key);
  for (const row of rows()) if (!left.has(row.dataset.key)) retire(row, fates.get(row.dataset.key) ?? further);
  speak(arrived);
  // a row that moved up into those that are sent has not changed, so it has to be asked for
  const missing = order.some((key) => !waiting.has(key) && (byKey(key)?.classList.contains("gone") ?? true));
  if (missing && delta.dataset.full !== "1") { mark = ""; again = true; }
  settle(false);
  tick();
}

function put(place, fresh) {
  if (place.innerHTML === fresh.innerHTML) return;
  const focused = place.contains(document.activeElement) && document.activeElement.getAttribute("href");
  place.replaceChildren(...fresh.childNodes);
  if (focused) place.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
}

function update(row, fresh) {
  const focus = row.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
  const worse = fresh.dataset.word === "emergency" && row.dataset.word !== "emergency";
  row.classList.remove("gone");
  Object.assign(row.dataset, fresh.dataset);
  row.replaceChildren(...fresh.childNodes);
  if (focus) row.querySelector(`[data-focus="${focus}"]`)?.focus();
  if (worse) alarm(`${row.dataset.name} is now in the emergency band`);
}

function retire(row, fate = "no longer in this queue") {
  if (row.classList.contains("gone")) return;
  row.classList.add("gone");
  row.dataset.waiting = "";
  row.querySelector(".state > b").textContent = fate.startsWith("further") ? "Further down" : "Off the list";
  row.querySelector(".state > .soft").textContent = fate;
  row.querySelector(".acuity > .soft").textContent = "";
}

// --- rows never move under the cursor ------------------------------------------------------------------------------
function isCalm() {
  if (document.querySelector("dialog[open]")) return false;
  const held = list.contains(document.activeElement) || list.matches(":hover") || current();
  return Date.now() - touched > (held ? 45000 : 6000);
}

/** Bring the list into its true order if nobody is looking at it, or if told to. */
function settle(told) {
  const live = rows().filter((row) => !row.classList.contains("gone"));
  const moved = order.filter((key) => byKey(key)).join() !== live.map((row) => row.dataset.key).join();
  if (told || isCalm() || (!live.length && waiting.size)) {
    if (waiting.size || moved || live.length !== rows().length) arrange();
  }
  label(moved);
  empty.hidden = order.length > 0;
}

function arrange() {
  const chosen = current(), place = rows().indexOf(chosen);
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  const next = order.map((key) => {
    const row = byKey(key) ?? waiting.get(key);
    if (waiting.delete(key)) row.classList.add("fresh");
    return row;
  }).filter(Boolean);
  list.replaceChildren(...next);
  if (chosen && !chosen.isConnected) { select(next[Math.min(place, next.length - 1)], Boolean(focused)); return; }
  if (focused?.isConnected) focused.focus({ preventScroll: true });
}

function label(moved) {
  const hot = [...waiting.values()].filter((row) => row.dataset.word === "emergency").length;
  show.hidden = !waiting.size && !moved;
  show.classList.toggle("emergency", hot > 0);
  const seen = current() ?? rows()[0];
  const before = seen ? order.slice(0, Math.max(order.indexOf(seen.dataset.key), 0)) : order;
  const above = before.filter((key) => waiting.has(key)).length;
  const count = waiting.size;
  const words = hot ? `${hot} new emergency${hot > 1 ? " patients" : ""}` : count ? `${count} new${above === count ? " above" : above ? `, ${above} above` : " below"}` : "Order changed";
  show.replaceChildren(`${words} · show `, Object.assign(document.createElement("kbd"), { textContent: "." }));
}

function speak(arrived) {
  const hot = arrived.filter((row) => row.dataset.word === "emergency");
  if (hot.length) alarm(`Emergency: ${hot.map((row) => row.dataset.name).join(", ")}`);
  else if (arrived.length) document.getElementById("spoken").textContent = `${arrived.length} new on the worklist. ${document.title}`;
}
function alarm(text) { document.getElementById("alarm").textContent = text; }

// --- acting --------------------------------------------------------------------------------------------------------
async function act(address, fields, said, action) {
  try {
    await send(address, fields);
    if (said) toast(said, action);
  } catch (error) { toast(`That did not work: ${error.message}`); }
  await refresh();
}

async function acknowledge(row) {
  if (!row?.dataset.waiting) return row && toast(row.classList.contains("gone") ? "That one is off the list already." : "That one has been acknowledged already.");
  undoable = row.dataset.waiting.split(" ");
  undoing = ["/worklist/undo", "Taken back: nobody owns it now."];
  touched = Date.now();
  await act("/worklist/acknowledge", { alerts: row.dataset.waiting }, `Acknowledged ${row.dataset.name}`, { title: "Undo", key: "u", act: undo });
}

async function undo() {
  const [address, said] = undoable.length ? undoing : ["/worklist/undo", "Taken back: nobody owns it now."];
  const own = undoable.length ? undoable : current()?.dataset.undo.split(" ").filter(Boolean) ?? [];
  undoable = [];
  if (!own.length) return toast("There is nothing of yours to take back.");
  await act(address, { alerts: own.join(" ") }, said);
}

async function own(row) {
  if (!row || row.classList.contains("gone")) return;
  const isOwn = row.dataset.own === "1";
  undoable = isOwn ? [] : row.dataset.alerts.split(" ");
  undoing = ["/worklist/disown", "Given back."];
  touched = Date.now();
  if (isOwn) await act("/worklist/disown", { alerts: row.dataset.alerts }, `Gave ${row.dataset.name} back`);
  else await act("/worklist/own", { alerts: row.dataset.alerts }, `${row.dataset.name} is yours; acknowledge once you have looked`, { title: "Undo", key: "u", act: undo });
}

const quiet = document.getElementById("silence");
function silence(row) {
  if (!row || row.classList.contains("gone")) return;
  if (!row.dataset.quiet) return toast("Only a vital beyond a limit can be silenced, never the emergency band: acknowledge it.");
  const form = quiet.querySelector("form");
  form.reset();
  form.alerts.value = row.dataset.quiet;
  quiet.querySelector("[data-fill=what]").textContent = row.dataset.quietName;
  quiet.querySelector("[data-fill=name]").textContent = row.dataset.name;
  quiet.showModal();
}
quiet.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target, fields = Object.fromEntries(new FormData(form));
  quiet.close();
  undoable = [fields.alerts];
  undoing = ["/worklist/unsilence", "The silence has ended."];
  await act("/worklist/silence", fields, `Silenced ${quiet.querySelector("[data-fill=what]").textContent} for ${fields.hours} h`, { title: "Undo", key: "u", act: undo });
});

const dialog = document.getElementById("resolve");
function resolve(row) {
  if (!row || row.classList.contains("gone")) return;
  const form = dialog.querySelector("form");
  form.reset();
  form.alerts.value = row.dataset.alerts;
  const count = row.dataset.alerts.split(" ").length;
  dialog.querySelector("[data-fill=name]").textContent = row.dataset.name;
  dialog.querySelector("[data-fill=why]").textContent = row.querySelector(".why > b").textContent + (count > 1 ? ` · closes ${count} alerts` : "");
  dialog.dataset.key = row.dataset.key;
  dialog.showModal();
}
dialog.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target, fields = Object.fromEntries(new FormData(form));
  dialog.close();
  await act("/worklist/resolve", fields, `Resolved ${dialog.querySelector("[data-fill=name]").textContent}`);
});

list.addEventListener("click", (event) => {
  const row = event.target.closest("li"), button = event.target.closest("[data-act]");
  if (button) {
    event.preventDefault();
    if (button.dataset.act === "acknowledge") acknowledge(row); else resolve(row);
  } else if (!event.target.closest("a") && !getSelection().toString()) select(row, true);
});
show.addEventListener("click", () => settle(true));
document.getElementById("show-keys").addEventListener("click", () => document.getElementById("keys").showModal());

function select(row, focus) {
  for (const other of list.querySelectorAll("[aria-current]")) if (other !== row) other.removeAttribute("aria-current");
  if (!row) return;
  row.setAttribute("aria-current", "true");
  if (focus) { row.focus({ preventScroll: true }); row.scrollIntoView({ block: "nearest" }); }
  label(!show.hidden && !waiting.size);
}

function move(step) {
  const all = rows(), at = all.indexOf(current() ?? list.querySelector(":focus")?.closest("li"));
  select(all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1)], true);
}

const KEYS = {
  j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1),
  e: () => acknowledge(current()), o: () => own(current()), s: () => silence(current()), r: () => resolve(current()), u: undo, ".": () => settle(true),
  w: () => current() && location.assign(`/alerts/${current().dataset.alerts.split(" ")[0]}`),
  "?": () => document.getElementById("keys").showModal(),
  Escape: () => { const row = current(); row?.removeAttribute("aria-current"); row?.blur(); },
};
document.addEventListener("keydown", (event) => {
  if (!keysActive(event)) return;
  touched = Date.now();
  if (event.key === "Enter") {
    if (event.target === current()) location.assign(current().querySelector("a").href);
    return;
  }
  if (event.key.startsWith("Arrow") && !current()) return;
  const key = KEYS[event.key];
  if (key) { event.preventDefault(); key(); }
});

const keysOn = document.getElementById("keys-on");
keysOn.checked = localStorage.getItem("wardlight-keys") !== "off";
keysOn.addEventListener("change", () => localStorage.setItem("wardlight-keys", keysOn.checked ? "on" : "off"));

for (const name of ["pointermove", "pointerdown", "focusin", "scroll"]) {
  (name === "scroll" ? document : list).addEventListener(name, () => { touched = Date.now(); }, { passive: true });
}
list.addEventListener("focusin", (event) => { const row = event.target.closest("li"); if (row) select(row, false); });

on("alerts", refresh);
on("values", () => { if (Date.now() - fetched > 5000) refresh(); });
setInterval(refresh, 15000); // events wake, looking is the net
setInterval(() => settle(false), 2000);

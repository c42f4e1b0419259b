// On every page: ages that tick, the line to the server, and the few things forms and keys need.
import * as words from "./words.js";

const root = document.documentElement;
const zone = root.dataset.zone;
let skew = Date.parse(root.dataset.now) - Date.now();
let quiet = 0; // when the line to the server broke, 0 while it holds

/** The server's time; the machine's own clock may be wrong. */
export const now = () => Date.now() + skew;

/** Take over the server's time from a fragment that has just come in. */
export function setClock(stamp) { skew = Date.parse(stamp) - Date.now(); }

const SAY = {
  ago: (at) => words.age(at, now(), zone),
  since: (at) => words.duration((now() - at) / 1000),
  when: (at) => words.when(at, now(), zone),
  moment: (at) => words.moment(at, now(), zone),
  left: (at, time) => { time.classList.toggle("overdue", at < now()); return words.left(at, now(), Number(time.dataset.target), zone); },
  local: (at, time) => words.clock(now(), time.dataset.zone),
};

/** Bring every time below an element up to date. */
export function tick(below = document) {
  for (const time of below.querySelectorAll("time[data-say]")) {
    const said = SAY[time.dataset.say](Date.parse(time.dateTime), time);
    if (time.textContent !== said) time.textContent = said;
  }
}
setInterval(tick, 1000);
document.addEventListener("visibilitychange", () => tick());
document.addEventListener("htmx:afterSwap", (event) => tick(event.target));

let touched = Date.now();
for (const name of ["pointermove", "pointerdown", "keydown", "scroll"]) {
  document.addEventListener(name, () => { touched = Date.now(); }, { passive: true, capture: true });
}

let heard = Date.now(), refused = ""; // when the server last answered as it should, and what it answered since
/** Fetch something by the page's own doing: while nobody touches it, that does not keep them signed in. */
export async function look(address) {
  // a server that hangs must not keep this screen waiting: after two looks without an answer it says that it is old
  const response = await fetch(address, { signal: AbortSignal.timeout(10000), headers: Date.now() - touched > 60000 ? { "X-Background": "1" } : {} });
  if (response.status === 401 || response.redirected) signIn();
  if (response.ok) { heard = Date.now(); refused = ""; } else if (response.status >= 500) refused ||= await reason(response);
  sayLost();
  return response;
}

/** Say on any page that what it shows is old, and take that back once the server answers again. */
function sayLost() {
  const box = document.getElementById("lost"), silent = Date.now() - heard;
  if (!box) return;
  const lost = silent > 40000 || (refused && silent > 16000);
  if (lost) {
    const why = document.getElementById("lost-why"), since = `Nothing was heard since ${words.clock(heard + skew, zone)}.`;
    const said = refused ? `${since} The server says: ${refused}.` : since;
    if (why.textContent !== said) why.textContent = said;
  }
  box.hidden = !lost;
}

/** Send a form's fields as this page's own; answers the response, or goes to the login. */
export async function send(address, fields) {
  const response = await fetch(address, {
    method: "POST", body: new URLSearchParams(fields),
    headers: { "X-CSRF-Token": document.querySelector("meta[name=csrf]").content, Accept: "text/html" },
  });
  if (response.status === 401) signIn();
  if (!response.ok) throw new Error(await reason(response));
  return response;
}

async function reason(response) {
  try { return (await response.json()).detail; } catch { return `the server answered ${response.status}`; }
}

export function signIn() { location.assign(`/login?next=${encodeURIComponent(location.pathname)}`); }

let fading;
/** Say something at the bottom of the screen, with at most one thing to press. */
export function toast(text, action) {
  const box = document.getElementById("toast");
  box.replaceChildren(Object.assign(document.createElement("span"), { textContent: text }));
  if (action) {
    const button = document.createElement("button");
    button.append(`${action.title} `, Object.assign(document.createElement("kbd"), { textContent: action.key }));
    button.addEventListener("click", action.act);
    box.append(button);
  }
  box.hidden = false;
  clearTimeout(fading);
  fading = setTimeout(() => { box.hidden = true; }, 9000);
}

// --- the line: server-sent events say that something changed, never what -------------------------------------------
const listeners = { alerts: [], values: [] };
/** Call back when alerts ("alerts") or values ("values") changed; "alerts" also after the line was mended. */
export const on = (name, callback) => listeners[name].push(callback);
const tell = (name) => listeners[name].forEach((callback) => callback());

const pulse = document.getElementById("pulse");
function sayLine() {
  const state = document.getElementById("line-state");
  if (!state) return;
  const since = document.getElementById("lost")?.hidden === false ? heard : quiet && Date.now() - quiet > 5000 ? quiet : 0;
  const lost = since > 0;
  state.textContent = lost ? `Not live since ${words.clock(since + skew, zone)}` : "Live";
  pulse.classList.toggle("down", Boolean(lost));
}

/** Show another pulse, and what is wrong with the house, fetched with a fragment. */
export function setPulse(fresh, says) {
  const shown = document.getElementById("house-says");
  if (says && shown && says.textContent !== shown.textContent) shown.replaceChildren(...says.childNodes);
  pulse.replaceChildren(...fresh.childNodes);
  pulse.className = fresh.className;
  pulse.dataset.up = fresh.dataset.up;
  sayLine();
}

if (pulse) {
  const source = new EventSource("/api/v1/events");
  source.onopen = () => { if (quiet) { quiet = 0; tell("alerts"); } sayLine(); };
  source.onerror = () => {
    quiet ||= Date.now();
    sayLine();
    if (source.readyState === EventSource.CLOSED) fetch("/api/v1/me").then((r) => { if (r.status === 401) signIn(); }, () => {});
  };
  for (const name of ["refresh", "alerts"]) source.addEventListener(name, () => tell("alerts"));
  source.addEventListener("signed_out", signIn);
  source.addEventListener("values", () => {
    const last = pulse.querySelector("time");
    if (last) { last.dateTime = new Date(now()).toISOString(); tick(pulse); }
    tell("values");
  });
  window.addEventListener("pagehide", () => source.close());
  setInterval(() => { sayLine(); sayLost(); }, 1000);
  if (!document.getElementById("list")) { // the worklist fetches its pulse with its rows
    setInterval(async () => {
      try {
        const response = await look("/pulse");
        if (!response.ok) return;
        const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
        setPulse(fresh.getElementById("pulse"), fresh.getElementById("house-says"));
      } catch { /* it is said when it lasts */ }
    }, 15000);
  }
}

// --- forms, dialogs, keys ------------------------------------------------------------------------------------------
document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRF-Token"] = document.querySelector("meta[name=csrf]").content;
});
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) {
    const dialog = document.getElementById(opener.dataset.opens);
    for (const [name, value] of Object.entries(opener.dataset)) {
      const field = dialog.querySelector(`[name="${name.replace(/Of$/, "")}"]`);
      if (field) field.value = value;
      for (const place of dialog.querySelectorAll(`[data-fill="${name}"]`)) place.textContent = value;
    }
    for (const place of dialog.querySelectorAll("[data-empties]")) place.replaceChildren(); // what was tried for another line
    event.preventDefault();
    dialog.showModal();
  }
  if (event.target.closest("[data-close]")) event.target.closest("dialog").close();
});
document.addEventListener("submit", async (event) => { // sent without leaving the page, so that a refusal loses nothing typed
  const form = event.target;
  if (!("send" in form.dataset) || event.defaultPrevented) return;
  event.preventDefault();
  if (form.dataset.sent) return;
  form.dataset.sent = "1";
  try {
    const going = (await send(form.action, new FormData(form))).headers.get("X-Going");
    if (going) location.assign(going); else location.reload();
  } catch (error) {
    delete form.dataset.sent;
    const place = form.querySelector(".form-error");
    if (!place) return toast(`That did not work: ${error.message}`);
    place.textContent = error.message;
    place.hidden = false;
  }
});
document.addEventListener("submit", (event) => { // one press, one effect
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented || "send" in form.dataset) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "1";
  setTimeout(() => { delete form.dataset.sent; }, 4000);
});

/** Whether single keys may act: not while somebody types, chooses or has switched them off on this device. */
export function keysActive(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return false;
  if (event.target.closest?.("input, textarea, select, dialog[open]")) return false;
  return localStorage.getItem("wardlight-keys") !== "off";
}
document.addEventListener("keydown", (event) => {
  const finds = event.key === "/" ? keysActive(event) : event.key === "k" && (event.ctrlKey || event.metaKey);
  if (!finds) return;
  event.preventDefault();
  const field = document.getElementById("find");
  if (field) field.focus(); else location.assign("/patients");
});

const identity = document.querySelector(".identity");
if (identity) {
  new IntersectionObserver(([seen]) => identity.classList.toggle("stuck", seen.intersectionRatio < 1), { threshold: [1], rootMargin: "-1px 0px 0px 0px" }).observe(identity);
}

// A patient's page: the keys of the first alert, and fresh words when something changed for this patient.
import { keysActive, look, on, tick } from "./page.js";

document.addEventListener("keydown", (event) => {
  if (!keysActive(event)) return;
  const target = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (target) { event.preventDefault(); target.click(); }
});

// Which reading of a measurement is wrong: its values become the choices of the dialog.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-choices]");
  if (!button) return;
  const place = document.getElementById("wrong-choices");
  place.replaceChildren(place.querySelector("legend"));
  for (const [i, choice] of button.dataset.choices.split("|").entries()) {
    const [vital, said] = choice.split("=");
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "vital", value: vital, required: true, checked: i === 0 });
    const label = Object.assign(document.createElement("label"), { className: "choice" });
    label.append(input, Object.assign(document.createElement("span"), { textContent: said }));
    place.append(label);
  }
});

// Newest values, alerts and what happened are replaced where they stand; whoever types or reads a window is left alone.
const PARTS = ["#charts .vital > div:first-child", "article.alert", "ol.line", "#rows > tr:first-child"];
let busy = false, again = false, last = Date.now();
async function refresh() {
  if (busy) { again = true; return; }
  if (document.hidden || document.querySelector("dialog[open]")) return;
  busy = true;
  last = Date.now();
  try {
    const response = await look(location.pathname + location.search);
    if (!response.ok || response.redirected) return;
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    if (PARTS.slice(1, 2).some((part) => document.querySelectorAll(part).length !== fresh.querySelectorAll(part).length)) return offer();
    for (const part of PARTS.slice(0, 3)) {
      const old = document.querySelectorAll(part), now = fresh.querySelectorAll(part);
      old.forEach((place, index) => {
        const better = now[index];
        if (better && place.innerHTML !== better.innerHTML && !place.contains(document.activeElement)) {
          place.replaceChildren(...better.childNodes);
          place.className = better.className;
        }
      });
    }
    tick();
    document.dispatchEvent(new CustomEvent("wardlight:charts"));
  } finally {
    busy = false;
    if (again) { again = false; refresh(); }
  }
}

/** Alerts came or went: let the person decide when the page moves. */
function offer() {
  if (document.getElementById("reload")) return;
  const button = Object.assign(document.createElement("button"), { id: "reload", className: "primary", textContent: "The alerts of this patient changed · show" });
  button.addEventListener("click", () => location.reload());
  const place = Object.assign(document.createElement("div"), { className: "more" });
  place.append(button);
  document.querySelector(".about").after(place);
}

on("alerts", refresh);
on("values", () => { if (Date.now() - last > 10000) refresh(); });

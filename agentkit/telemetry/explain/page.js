// Filters, search and the two scales of an explained run's page. Without it the page is complete.
"use strict";

const all = (query) => [...document.querySelectorAll(query)];
const byId = (id) => document.getElementById(id);
const root = document.documentElement;

let kind = "all";
let words = "";

function showMatching() {
  for (const element of all("tr[data-kind],details[data-kind]")) {
    const isKind =
      kind === "all" ||
      (kind === "problem" ? element.dataset.problem === "1" : element.dataset.kind === kind);
    const hasWords = !words || element.textContent.toLowerCase().includes(words);
    element.hidden = !(isKind && hasWords);
  }
  const steps = all("details[data-kind]");
  const shown = steps.filter((step) => !step.hidden).length;
  byId("count").textContent = `${shown} of ${steps.length} steps`;
}

for (const button of all("[data-filter]")) {
  button.addEventListener("click", () => {
    kind = button.dataset.filter;
    for (const other of all("[data-filter]")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    showMatching();
  });
}

byId("find").addEventListener("input", (event) => {
  words = event.target.value.trim().toLowerCase();
  showMatching();
});

byId("open").addEventListener("click", (event) => {
  const opens = event.target.dataset.opens !== "no";
  for (const step of all("details")) step.open = opens;
  event.target.dataset.opens = opens ? "no" : "yes";
  event.target.textContent = opens ? "Close all" : "Open all";
});

const scale = byId("scale");
if (scale) {
  scale.addEventListener("click", () => {
    const isTrue = scale.getAttribute("aria-pressed") !== "true";
    scale.setAttribute("aria-pressed", String(isTrue));
    for (const mark of all(".tl td text")) {
      mark.setAttribute("visibility", isTrue ? "hidden" : "visible");
    }
    for (const bar of all("rect[data-true]")) {
      const was = `${bar.getAttribute("x")} ${bar.getAttribute("width")}`;
      const [x, width] = bar.dataset.true.split(" ");
      bar.setAttribute("x", x);
      bar.setAttribute("width", width);
      bar.dataset.true = was;
    }
  });
}

byId("theme").addEventListener("click", () => {
  const prefersDark = matchMedia("(prefers-color-scheme: dark)").matches;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : prefersDark;
  root.dataset.theme = isDark ? "light" : "dark";
});

function openTarget() {
  const step = location.hash && byId(location.hash.slice(1));
  if (!step) return;
  step.hidden = false;
  step.open = true;
  step.scrollIntoView();
  step.querySelector("summary").focus({ preventScroll: true });
}

addEventListener("hashchange", openTarget);
openTarget();

let closed = [];
addEventListener("beforeprint", () => {
  closed = all("details").filter((step) => !step.open);
  for (const step of closed) step.open = true;
});
addEventListener("afterprint", () => {
  for (const step of closed) step.open = false;
});

// How values are shown: times, money, JSON, icons.
import { html } from "./vendor/preact-htm.js";

const ICONS = {
  agent: "M3 5.5h10v7H3zM8 5.5V3M6 8.5v1.2M10 8.5v1.2",
  check: "M3 8.5 6.5 12 13 4.5",
  chevron: "M6 4l4 4-4 4",
  close: "M4 4l8 8M12 4l-8 8",
  copy: "M5.5 5.5h7v8h-7zM3.5 10.5v-8h7",
  cross: "M4.5 4.5l7 7M11.5 4.5l-7 7",
  down: "M8 3v10M3.5 8.5 8 13l4.5-4.5",
  edit: "M3 13l.7-3L11 2.7l2.3 2.3L6 12.3z",
  gear: "M2.5 5h7M12.5 5h1M2.5 11h1M6.5 11h7M11 3.5v3M5 9.5v3",
  keys: "M1.5 4h13v8.5h-13zM4 6.8h.1M6.7 6.8h.1M9.3 6.8h.1M12 6.8h.1M4.5 9.8h7",
  left: "M10 3 5 8l5 5",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h7",
  plus: "M8 3v10M3 8h10",
  retry: "M13 8a5 5 0 1 1-1.5-3.6M13 2v3h-3",
  right: "M6 3l5 5-5 5",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M10.3 10.3 14 14",
  send: "M8 13V3M3.5 7.5 8 3l4.5 4.5",
  stop: "M4.5 4.5h7v7h-7z",
  trace: "M2.5 4h6M5.5 8h6M8.5 12h5",
  trash: "M3 4.5h10M6 4.5V3h4v1.5M4.5 4.5l.5 9h6l.5-9",
  wait: "M8 4.5V8l2.5 1.5M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2",
};

export const Icon = ({ name }) => html`
  <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
    <path d=${ICONS[name]} />
  </svg>`;

export const IconButton = ({ icon, label, ...rest }) => html`
  <button type="button" class="icon-button" aria-label=${label} title=${label} ...${rest}>
    <${Icon} name=${icon} />
  </button>`;

export const Mark = () => html`<span class="mark" aria-hidden="true"><i></i><i></i><i></i></span>`;

export function seconds(count) {
  if (count == null) return "";
  if (count < 10) return `${count.toFixed(count < 1 ? 2 : 1)} s`;
  if (count < 100) return `${Math.round(count)} s`;
  return `${Math.floor(count / 60)} min ${Math.round(count % 60)} s`;
}

export const number = (count) => count.toLocaleString("en");

export function money(usd, isEstimate = false) {
  if (usd == null) return "cost unknown";
  return `${isEstimate ? "≈ " : ""}$${usd < 0.1 ? usd.toFixed(4) : usd.toFixed(2)}`;
}

export const clock = (moment) =>
  new Date(moment).toLocaleTimeString("en", { hour: "2-digit", minute: "2-digit", hour12: false });

/** Marks of direction can make a text look like another one; show them as escapes. */
export const visible = (text) =>
  text.replace(
    /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (mark) => `\\u${mark.charCodeAt(0).toString(16)}`,
  );

export const asText = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/** The arguments of a call in one line. */
export const preview = (values) =>
  visible(
    values !== null && typeof values === "object"
      ? Object.values(values).map(asText).join(", ")
      : asText(values ?? ""),
  );

/** JSON with short lists and objects on one line. */
export function pretty(value, indent = "") {
  if (typeof value === "string" && !indent) return value;
  const line = (JSON.stringify(value, null, 1) ?? "null").replace(/\n\s*/g, " ");
  if (line.length + indent.length < 72 || value === null || typeof value !== "object") return line;
  const isList = Array.isArray(value);
  const deeper = `${indent}  `;
  const lines = Object.entries(value).map(
    ([key, one]) => `${deeper}${isList ? "" : `${JSON.stringify(key)}: `}${pretty(one, deeper)}`,
  );
  return `${isList ? "[" : "{"}\n${lines.join(",\n")}\n${indent}${isList ? "]" : "}"}`;
}

export const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
export const MOD = isMac ? "⌘" : "Ctrl";
export const narrow = matchMedia("(max-width: 820px)");
export const isNarrow = () => narrow.matches;

/** A text that the browser keeps, unless its storage is off; with `text`, keep that. */
export function stored(area, key, text) {
  try {
    if (text != null) globalThis[area].setItem(key, text);
    return globalThis[area].getItem(key) || "";
  } catch {
    return "";
  }
}

/** Focus an element when it appears, once. */
export function focusOnce(node) {
  if (!node || node.dataset.seen) return;
  node.dataset.seen = "1";
  queueMicrotask(() => {
    node.focus();
    node.select?.();
  });
}

/** Let a text box grow with its text, where the browser does not do so by itself. */
export function grow(area) {
  if (!area || CSS.supports("field-sizing", "content")) return;
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight}px`;
}

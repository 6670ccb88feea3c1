// The parts of an answer: text, reasoning, calls, repairs, notes.
import { html, useEffect, useState } from "./vendor/preact-htm.js";
import { clock, Icon, IconButton, number, preview, pretty, seconds, visible } from "./format.js";
import { Markdown, useCopy } from "./markdown.js";
import { isLive } from "./records.js";

const LONGEST_SHOWN = 4000;

/** The parts in order; calls that follow each other stand on one rail. */
export function Parts({ answer, open }) {
  const groups = [];
  for (const part of answer.parts) {
    const last = groups.at(-1);
    if (part.kind === "call" && last?.[0].kind === "call") last.push(part);
    else groups.push([part]);
  }
  return groups.map((group, at) => {
    const isLast = isLive(answer) && at === groups.length - 1;
    return html`<${Group} key=${at} group=${group} isLast=${isLast} open=${open} />`;
  });
}

function Group({ group, isLast, open }) {
  const [part] = group;
  switch (part.kind) {
    case "text":
      return html`<div class="prose ${isLast ? "is-live" : ""}">
        <${Markdown} text=${part.text} isLive=${isLast} />
      </div>`;
    case "reasoning":
      return html`<details class="reasoning">
        <summary><${Icon} name="chevron" /> ${isLast ? "Thinking" : "Reasoning"}</summary>
        <p>${part.text}</p>
      </details>`;
    case "note":
      return html`<${Note} tone=${part.tone}>${part.text}</${Note}>`;
    case "repair":
      return html`<${Repairs} repairs=${[part.repair]} />`;
    case "decision":
      return html`<${Note} tone="info">${decisionText(part.decision)}</${Note}>`;
    default:
      return html`<div class="calls" role="group" aria-label="Tool calls">
        ${group.map((call) => html`<${Call} key=${call.id} call=${call} open=${open} />`)}
      </div>`;
  }
}

const NOTE_ICONS = { wait: "retry", stop: "stop" };

export const Note = ({ tone, children }) => html`<p class="note is-${tone}">
  <${Icon} name=${NOTE_ICONS[tone] || "wait"} /><span>${children}</span>
</p>`;

/** Calls that were decided in this tab. */
export const decidedHere = new Set();

function decisionText({ callId, verdict, decidedBy, reason, at, isChanged }) {
  const who = decidedHere.has(callId) ? "You" : decidedBy || "Someone";
  const when = `at ${clock(at)}`;
  if (verdict === "deny") return `${who} refused this ${when}${reason ? `: ${reason}` : "."}`;
  return `${who} approved this ${isChanged ? "with changes " : ""}${when}.`;
}

const STATES = { failed: "failed", refused: "refused", cancelled: "stopped" };

function timeText({ state, progress, seconds: count }) {
  if (state === "running") return progress?.message || "running";
  if (state === "done") return seconds(count);
  return count == null ? STATES[state] : `${STATES[state]}, ${seconds(count)}`;
}

function Call({ call, open }) {
  const [isOpen, setOpen] = useState(open);
  const hasRun = Boolean(call.run);
  useEffect(() => {
    if (hasRun && call.state === "running") setOpen(true);
  }, [hasRun]);
  const icon = call.state === "done" ? (hasRun ? "agent" : "check") : "cross";
  return html`<details class="call is-${call.state} ${hasRun ? "is-agent" : ""}" open=${isOpen}
      onToggle=${(event) => setOpen(event.currentTarget.open)}>
    <summary>
      <span class="glyph" aria-hidden="true">
        ${call.state === "running" ? html`<i class="spin"></i>` : html`<${Icon} name=${icon} />`}
      </span>
      <span class="call-name">${visible(call.name)}</span>
      <span class="call-args">${preview(call.arguments)}</span>
      ${call.repairs.length > 0 && html`<span class="badge fix">repaired</span>`}
      <span class="call-time">${timeText(call)}</span>
      <span class="turn-mark"><${Icon} name="chevron" /></span>
    </summary>
    ${isOpen && html`<div class="call-body">
      <${Repairs} repairs=${call.repairs} />
      ${hasRun
        ? html`<div class="nested"><${Parts} answer=${call.run} open=${open} /></div>`
        : html`<${CallData} call=${call} />`}
    </div>`}
  </details>`;
}

const RESULT_TITLES = {
  failed: "Error, as the model was told",
  refused: "Not run; the model was told",
};

function CallData({ call }) {
  const { progress, result } = call;
  const title = RESULT_TITLES[call.state] || "Result";
  const tone = call.state === "failed" ? "bad" : "";
  return html`<${Data} label="Arguments" value=${call.arguments} />
    ${progress && html`<progress max=${progress.total || 1}
      value=${progress.total ? progress.progress : undefined}
      aria-label="Progress of ${call.name}"></progress>`}
    ${result && html`<${Data} label=${title} tone=${tone} value=${resultValue(result)} />`}
    ${call.isCut && html`<p class="hint">
      The model got only the beginning and the end of this result.
    </p>`}`;
}

const MARKS = { done: "☑", in_progress: "▶", dropped: "☒" };

/** The result of a tool as text if it is only that, else as JSON. */
function resultValue(result) {
  const steps = result.structured_content?.plan;
  if (Array.isArray(steps)) {
    return steps.map(({ step, status }) => `${MARKS[status] || "☐"} ${step}`).join("\n");
  }
  const texts = result.content.map((block) => block.text);
  if (texts.length && texts.every((text) => typeof text === "string")) return texts.join("\n");
  return result.structured_content ?? result.content.map(shortBlock);
}

/** A block without the base64 text of a picture or a sound. */
const shortBlock = (block) =>
  typeof block.data === "string" ? { ...block, data: `${number(block.data.length)} characters` } : block;

function Data({ label, value, tone = "" }) {
  const text = visible(pretty(value));
  const [isComplete, setComplete] = useState(false);
  const isCut = !isComplete && text.length > LONGEST_SHOWN;
  return html`<div class="data ${tone}">
    <div class="data-head">
      <span>${label}</span><${Copy} text=${text} label="Copy ${label.toLowerCase()}" />
    </div>
    <pre tabindex="0" role="group" aria-label=${label}>${
      isCut ? text.slice(0, LONGEST_SHOWN) : text
    }</pre>
    ${isCut && html`<button type="button" class="quiet small" onClick=${() => setComplete(true)}>
      Show all ${number(text.length)} characters
    </button>`}
  </div>`;
}

export function Repairs({ repairs }) {
  return (repairs || []).map(
    (repair) => html`<div class="repair">
      <p><strong>Repaired.</strong> ${repair.reason || kindText(repair.kind)}</p>
      <div class="diff">
        <div>
          <span class="diff-label">As written</span><code class="was">${visible(repair.before)}</code>
        </div>
        <div>
          <span class="diff-label">As read</span><code class="now">${visible(repair.after)}</code>
        </div>
      </div>
    </div>`,
  );
}

function kindText(kind) {
  const words = kind.replaceAll("_", " ");
  return `${words[0].toUpperCase()}${words.slice(1)}.`;
}

export function Copy({ text, label = "Copy" }) {
  const [isCopied, copy] = useCopy(text);
  return html`<${IconButton} icon=${isCopied ? "check" : "copy"}
    label=${isCopied ? "Copied" : label} onClick=${copy} />`;
}

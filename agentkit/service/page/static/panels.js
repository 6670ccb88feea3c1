// What stands beside, over or in place of a conversation: the list, dialogs, sign-in, an explanation.
import { html, useEffect, useRef, useState } from "./vendor/preact-htm.js";
import { api } from "./api.js";
import { focusOnce, Icon, IconButton, Mark, MOD, stored } from "./format.js";
import { parseJson } from "./records.js";

// ---- the list of conversations: by day, or those in which words were found ----

const DAY = 864e5;
const STATUS = { running: "answering", suspended: "waits for you", failed: "failed" };

function groupOf(time) {
  const midnight = new Date().setHours(0, 0, 0, 0);
  const days = (midnight - new Date(time)) / DAY;
  if (days <= 0) return "Today";
  if (days <= 1) return "Yesterday";
  if (days <= 7) return "Previous 7 days";
  if (days <= 30) return "Previous 30 days";
  return new Date(time).toLocaleDateString("en", { month: "long", year: "numeric" });
}

export function Sidebar(props) {
  const { list, current, query, hasMore, onQuery, onMore, onDialog, onClose } = props;
  const groups = new Map();
  for (const one of list) {
    const name = query ? `${list.length} found` : groupOf(one.updated_at);
    groups.set(name, [...(groups.get(name) || []), one]);
  }
  const onKeyDown = (event) => {
    if (event.key !== "Escape" || !query) return;
    event.stopPropagation();
    onQuery("");
  };
  return html`<div class="side-head">
      <a class="brand" href="#/new"><${Mark} />agentkit</a>
      <span class="only-drawer">
        <${IconButton} icon="close" label="Close list" onClick=${onClose} />
      </span>
    </div>
    <a class="new" href="#/new"><${Icon} name="plus" /> New conversation</a>
    <div class="search">
      <${Icon} name="search" />
      <label class="sr" for="search">Search conversations</label>
      <input id="search" type="search" value=${query} placeholder="Search" autocomplete="off"
        onInput=${(event) => onQuery(event.target.value)} onKeyDown=${onKeyDown} />
      <kbd aria-hidden="true">${MOD} K</kbd>
    </div>
    <nav aria-label="Conversations" class="list">
      ${!list.length && html`<p class="hint none">
        ${query ? `Nothing found for “${query}”.` : "No conversations yet."}
      </p>`}
      ${[...groups].map(([name, items]) => html`<section key=${name}>
        <h2>${name}</h2>
        <ul>${items.map((one) => html`<${Row} key=${one.id} one=${one} query=${query}
          isCurrent=${one.id === current} onRename=${props.onRename} onRemove=${props.onRemove} />`)}</ul>
      </section>`)}
      ${hasMore && !query && html`<button type="button" class="quiet small" onClick=${onMore}>
        Show more
      </button>`}
    </nav>
    <div class="side-foot">
      <button type="button" class="quiet" onClick=${() => onDialog("settings")}>
        <${Icon} name="gear" /> Settings
      </button>
      <button type="button" class="quiet" onClick=${() => onDialog("keys")}>
        <${Icon} name="keys" /> Keyboard
      </button>
    </div>`;
}

function Row({ one, query, isCurrent, onRename, onRemove }) {
  const [isRenaming, setRenaming] = useState(false);
  const title = one.title || "New conversation";
  const onKeyDown = (event) => {
    if (event.key === "Enter") {
      setRenaming(false);
      if (event.target.value.trim()) onRename(one, event.target.value.trim());
    }
    if (event.key === "Escape") {
      event.stopPropagation();
      setRenaming(false);
    }
  };
  if (isRenaming) {
    return html`<li><input class="rename" aria-label="New title" ref=${focusOnce} value=${title}
      maxlength="80" onKeyDown=${onKeyDown} onBlur=${() => setRenaming(false)} /></li>`;
  }
  return html`<li class=${isCurrent ? "is-current" : ""}>
    <a href=${`#/c/${one.id}`} aria-current=${isCurrent ? "page" : undefined}>
      <span class="title">${title}</span>
      ${STATUS[one.status] && html`<span class="dot is-${one.status}">
        <span class="sr">${STATUS[one.status]}</span>
      </span>`}
      ${one.snippet && html`<span class="snippet">${marked(one.snippet, query)}</span>`}
    </a>
    <span class="row-tools">
      <${IconButton} icon="edit" label=${`Rename ${title}`} onClick=${() => setRenaming(true)} />
      <${IconButton} icon="trash" label=${`Delete ${title}`} onClick=${() => onRemove(one)} />
    </span>
  </li>`;
}

/** A snippet with the first word of the query marked. */
function marked(text, query) {
  const word = query.trim().split(/\s+/)[0].replace(/\*$/, "");
  const at = text.toLowerCase().indexOf(word.toLowerCase());
  if (at < 0 || !word) return text;
  const from = Math.max(0, at - 24);
  const end = at + word.length;
  const before = `${from ? "…" : ""}${text.slice(from, at)}`;
  return html`${before}<mark>${text.slice(at, end)}</mark>${text.slice(end)}`;
}

// ---- dialogs ----

const DEFAULTS = { theme: "system", sendWith: "enter", showCost: true, openCalls: false };
const STORED = "agentkit.settings";

export const readSettings = () => ({ ...DEFAULTS, ...parseJson(stored("localStorage", STORED)) });

export function keepSettings(settings) {
  stored("localStorage", STORED, JSON.stringify(settings));
  if (settings.theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = settings.theme;
}

function Dialog({ title, onClose, children }) {
  const ref = useRef();
  useEffect(() => {
    ref.current.showModal();
  }, []);
  const onClick = (event) => event.target === ref.current && ref.current.close();
  return html`<dialog ref=${ref} aria-labelledby="dialog-title" onClose=${onClose} onClick=${onClick}>
    <div class="dialog">
      <header>
        <h2 id="dialog-title">${title}</h2>
        <${IconButton} icon="close" label="Close" onClick=${() => ref.current.close()} />
      </header>
      ${children}
    </div>
  </dialog>`;
}

const Choice = ({ name, legend, value, options, onChange }) => html`<fieldset class="choice">
  <legend>${legend}</legend>
  <div class="segments">
    ${options.map(([one, label]) => html`<label>
      <input type="radio" name=${name} checked=${one === value} onChange=${() => onChange(one)} />
      <span>${label}</span>
    </label>`)}
  </div>
</fieldset>`;

const Switch = ({ label, value, onChange }) => html`<label class="switch">
  <span>${label}</span>
  <input type="checkbox" role="switch" checked=${value}
    onChange=${(event) => onChange(event.target.checked)} />
</label>`;

const THEMES = [["system", "System"], ["light", "Light"], ["dark", "Dark"]];
const SENDS = [["enter", "Enter"], ["mod", `${MOD} + Enter`]];

export const Settings = ({ settings, onChange, onClose }) => html`
  <${Dialog} title="Settings" onClose=${onClose}>
    <${Choice} name="theme" legend="Appearance" value=${settings.theme} options=${THEMES}
      onChange=${(theme) => onChange({ theme })} />
    <${Choice} name="send" legend="Send with" value=${settings.sendWith} options=${SENDS}
      onChange=${(sendWith) => onChange({ sendWith })} />
    <${Switch} label="Show time, tokens and money" value=${settings.showCost}
      onChange=${(showCost) => onChange({ showCost })} />
    <${Switch} label="Open tool calls at once" value=${settings.openCalls}
      onChange=${(openCalls) => onChange({ openCalls })} />
    <p class="hint">Settings stay in this browser.</p>
  </${Dialog}>`;

const KEYS = [
  ["Send the message", ["Enter"]],
  ["New line", ["Shift", "Enter"]],
  ["Close what is open, else stop the answer", ["Esc"]],
  ["Edit the last message (in an empty box)", ["↑"]],
  ["Approve (in an approval)", [MOD, "Enter"]],
  ["Search conversations", [MOD, "K"]],
  ["New conversation", [MOD, "Shift", "O"]],
  ["Previous message", ["Alt", "↑"]],
  ["Next message", ["Alt", "↓"]],
  ["This list", [MOD, "/"]],
];

export const Keys = ({ onClose }) => html`<${Dialog} title="Keyboard" onClose=${onClose}>
  <dl class="keys">
    ${KEYS.map(([what, keys]) => html`<div>
      <dt>${what}</dt><dd>${keys.map((key) => html`<kbd>${key}</kbd> `)}</dd>
    </div>`)}
  </dl>
</${Dialog}>`;

export function SignIn({ isRefused, onToken }) {
  const [token, setToken] = useState("");
  const onSubmit = (event) => {
    event.preventDefault();
    onToken(token.trim());
  };
  return html`<main class="empty sign-in">
    <${Mark} />
    <h1>Sign in</h1>
    <p>This server asks for a token. Its operator makes one with <code>agentkit tokens add</code>.</p>
    <form onSubmit=${onSubmit}>
      <label for="token">Token</label>
      <input id="token" type="password" autocomplete="off" spellcheck="false" value=${token}
        aria-invalid=${isRefused ? "true" : undefined}
        aria-describedby=${isRefused ? "token-error" : undefined}
        onInput=${(event) => setToken(event.target.value)} />
      ${isRefused && html`<p class="error-text" id="token-error" role="alert">
        This token is not valid, or it has expired.
      </p>`}
      <button class="primary" disabled=${!token.trim()}>Sign in</button>
    </form>
    <p class="hint">Kept in this tab only, and sent to this server only.</p>
  </main>`;
}

// ---- the explanation of a run, in a frame without an origin ----

export function Explanation({ runId, theme }) {
  const [address, setAddress] = useState("");
  const [problem, setProblem] = useState("");
  useEffect(() => {
    let made = "";
    let isGone = false;
    api.explanation(runId).then(
      (page) => {
        if (isGone) return;
        made = URL.createObjectURL(new Blob([withTheme(page, theme)], { type: "text/html" }));
        setAddress(made);
      },
      (error) => setProblem(error.sentence || String(error)),
    );
    return () => {
      isGone = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [runId, theme]);
  if (problem) return html`<p class="empty" role="status">${problem}</p>`;
  if (!address) return html`<div class="skeleton explained" aria-hidden="true"><i></i><i></i></div>`;
  return html`<iframe class="explained" src=${address} sandbox="allow-scripts"
    title="Explanation of the run"></iframe>`;
}

const withTheme = (page, theme) =>
  theme === "system" ? page : page.replace("<html ", `<html data-theme="${theme}" `);

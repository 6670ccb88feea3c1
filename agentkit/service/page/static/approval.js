// A call that needs the approval of a person: what it would do, before the buttons.
import { html, useEffect, useState } from "./vendor/preact-htm.js";
import { asText, focusOnce, Icon, MOD, visible } from "./format.js";
import { Repairs } from "./parts.js";
import { parseJson } from "./records.js";

const GUARD_MILLISECONDS = 300; // a click that was meant for something else

export function Approval({ call, tool, repairs, onDecide }) {
  const [original] = useState(() => parseJson(call.arguments));
  const [values, setValues] = useState(original);
  const [mode, setMode] = useState(call.name === "ask_user" ? "edit" : "ask");
  const [reason, setReason] = useState("");
  const [sent, setSent] = useState(false);
  const [refusal, setRefusal] = useState("");
  const [shownAt] = useState(() => performance.now());
  const fields = fieldsOf(tool, original);
  const wrong = wrongFields(fields, values);
  const isWrong = Object.keys(wrong).length > 0;
  const changed = fields.filter(({ name }) => asText(values[name]) !== asText(original[name]));

  const decide = async (verdict) => {
    if (!document.hasFocus() || performance.now() - shownAt < GUARD_MILLISECONDS || sent) return;
    setSent(true);
    const decision = { call_id: call.id, verdict };
    if (verdict === "allow" && changed.length) decision.arguments = JSON.stringify(values);
    if (verdict === "deny") decision.reason = reason;
    try {
      await onDecide(decision);
    } catch (error) {
      setRefusal(error.status === 409 ? "This was decided elsewhere." : error.sentence);
      setSent(false);
    }
  };
  const toggleEdit = () => {
    if (mode === "edit") setValues(original);
    setMode(mode === "edit" ? "ask" : "edit");
  };
  const onKeyDown = (event) => {
    const isApproval = event.key === "Enter" && (event.ctrlKey || event.metaKey);
    if (!isApproval || isWrong || mode === "refuse") return;
    event.preventDefault();
    event.stopPropagation();
    decide("allow");
  };
  const id = `approval-${call.id}`;
  return html`<section class="card approval" aria-labelledby=${id} tabindex="-1"
      onKeyDown=${onKeyDown}>
    <header>
      <span class="card-icon"><${Icon} name="wait" /></span>
      <div>
        <h3 id=${id}>Approval needed: ${tool?.title || call.name}</h3>
        <p class="hint">
          <code>${visible(call.name)}</code> ${effectOf(tool)}
          ${" "}The run waits; nothing is lost if you close this page.
        </p>
      </div>
    </header>
    <${Repairs} repairs=${repairs} />
    <dl class="args">${fields.map((field) => html`<${Argument} key=${field.name} field=${field}
      id=${`${id}-${field.name}`} isEdited=${mode === "edit"} value=${values[field.name]}
      original=${original[field.name]} wrong=${wrong[field.name]}
      onChange=${(value) => setValues({ ...values, [field.name]: value })} />`)}</dl>
    ${mode === "refuse" && html`<div class="refuse">
      <label for=${`${id}-reason`}>Reason, sent to the model</label>
      <textarea id=${`${id}-reason`} rows="2" ref=${focusOnce} value=${reason}
        onInput=${(event) => setReason(event.target.value)}></textarea>
    </div>`}
    ${refusal && html`<p class="error-text" role="status">${refusal}</p>`}
    <div class="buttons">
      ${mode === "refuse"
        ? html`<button type="button" class="danger" disabled=${sent}
              onClick=${() => decide("deny")}>Refuse</button>
            <button type="button" onClick=${() => setMode("ask")}>Back</button>`
        : html`<button type="button" class="primary" disabled=${sent || isWrong}
              onClick=${() => decide("allow")}>
              ${changed.length ? "Approve with changes" : "Approve"}
            </button>
            <button type="button" disabled=${sent} onClick=${() => setMode("refuse")}>Refuse…</button>
            <button type="button" class="quiet" disabled=${sent} onClick=${toggleEdit}>
              ${mode === "edit" ? "Undo edits" : "Edit arguments"}
            </button>`}
      <span class="hint keys-hint"><kbd>${MOD}</kbd> <kbd>Enter</kbd> approves</span>
    </div>
  </section>`;
}

function effectOf(tool) {
  const isDestructive = tool?.annotations.destructive_hint && !tool.annotations.read_only_hint;
  return isDestructive
    ? "may change something that cannot be undone."
    : "has an effect outside this conversation.";
}

/** The arguments as fields: those of the schema, then others that the model gave. */
function fieldsOf(tool, values) {
  if (values === null || typeof values !== "object" || Array.isArray(values)) return [];
  const schema = tool?.input_schema || {};
  const names = new Set([...Object.keys(schema.properties || {}), ...Object.keys(values)]);
  return [...names].map((name) => {
    const property = resolve(schema.properties?.[name] || {}, schema);
    const isRequired = schema.required?.includes(name);
    return { name, isRequired, schema: property, kind: kindOf(property, values[name]) };
  });
}

/** A schema without references and without null. */
function resolve(given, root, depth = 0) {
  const options = (given.anyOf || given.oneOf)?.filter((one) => one.type !== "null");
  const inner = given.$ref
    ? given.$ref.split("/").slice(1).reduce((at, key) => at?.[key], root)
    : options?.length === 1 && options[0];
  if (inner && depth < 9) return resolve({ description: given.description, ...inner }, root, depth + 1);
  const types = [given.type].flat().filter((one) => one !== "null");
  return { ...given, type: types.length === 1 ? types[0] : "" };
}

function kindOf(schema, value) {
  if (Array.isArray(schema.enum)) return "choice";
  if (["integer", "number", "boolean"].includes(schema.type)) return schema.type;
  if (schema.type === "string" || (!schema.type && typeof value === "string")) {
    const isLong = schema.format === "text" || String(value ?? "").length > 80;
    return isLong ? "long" : "text";
  }
  return "json";
}

function wrongFields(fields, values) {
  const found = fields.map((field) => [field.name, check(field, values[field.name])]);
  return Object.fromEntries(found.filter(([, reason]) => reason));
}

/** Why a value cannot be approved; the server checks it again. */
function check({ schema, kind, isRequired }, value) {
  if (value === undefined || value === "") return isRequired ? "This argument is required." : "";
  if (kind === "json" && Number.isNaN(value)) return "This is not JSON.";
  if (value === null) return "";
  if (kind === "integer" || kind === "number") {
    if (!Number.isFinite(value)) return "A number is needed.";
    if (kind === "integer" && !Number.isInteger(value)) return "A whole number is needed.";
    if (schema.maximum != null && value > schema.maximum) return `At most ${schema.maximum}.`;
    if (schema.minimum != null && value < schema.minimum) return `At least ${schema.minimum}.`;
  }
  if (kind === "choice" && !schema.enum.includes(value)) return `One of: ${schema.enum.join(", ")}.`;
  return "";
}

function Argument({ field, id, isEdited, value, original, wrong, onChange }) {
  const isChanged = asText(value) !== asText(original);
  const shown = value === undefined ? "–" : asText(value);
  const hint = wrong || field.schema.description;
  return html`<dt><label for=${isEdited ? id : undefined}>${visible(field.name)}</label></dt>
    <dd>
      ${isEdited
        ? html`<${Field} id=${id} field=${field} value=${value} wrong=${wrong} hasHint=${hint}
            onChange=${onChange} />`
        : html`<span class="value">${visible(shown ?? "–")}</span>`}
      ${isChanged && html`<span class="hint was-value"> was <s>${
        visible(original === undefined ? "nothing" : asText(original))
      }</s></span>`}
      ${isEdited && hint && html`<span class=${wrong ? "error-text" : "hint"} id=${`${id}-hint`}>
        ${hint}
      </span>`}
    </dd>`;
}

function Field({ id, field, value, wrong, hasHint, onChange }) {
  const format = field.kind === "json" ? JSON.stringify : asText;
  const [text, setText] = useState(() => (value === undefined ? "" : format(value)));
  useEffect(() => {
    if (value === undefined) setText("");
  }, [value]);
  const shared = {
    id,
    "aria-describedby": hasHint ? `${id}-hint` : undefined,
    "aria-invalid": wrong ? "true" : undefined,
  };
  const onText = (read) => (event) => {
    setText(event.target.value);
    onChange(read(event.target.value));
  };
  switch (field.kind) {
    case "choice":
      return html`<select ...${shared}
        onChange=${(event) => onChange(field.schema.enum[event.target.selectedIndex])}>
        ${field.schema.enum.map((one) => html`<option selected=${one === value}>${asText(one)}</option>`)}
      </select>`;
    case "boolean":
      return html`<input ...${shared} type="checkbox" checked=${value}
        onChange=${(event) => onChange(event.target.checked)} />`;
    case "integer":
    case "number":
      return html`<input ...${shared} inputmode="decimal" value=${text} onInput=${onText(readNumber)} />`;
    case "long":
      return html`<textarea ...${shared} rows="3" value=${text} onInput=${onText(String)}></textarea>`;
    case "json":
      return html`<textarea ...${shared} rows="2" class="mono" value=${text}
        onInput=${onText(readJson)}></textarea>`;
    default:
      return html`<input ...${shared} value=${text} onInput=${onText(String)} />`;
  }
}

const readNumber = (text) => (text.trim() ? Number(text.replace(",", ".")) : undefined);

function readJson(text) {
  if (!text.trim()) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return NaN;
  }
}

// What the user writes: the box for the next message, and the messages that were sent.
import { Component, html } from "./vendor/preact-htm.js";
import { grow, Icon, IconButton, stored } from "./format.js";
import { Copy } from "./parts.js";

/** The text of a user's message; other content is named. */
export function textOfMessage(message) {
  if (typeof message.content === "string") return message.content;
  return message.content.map((block) => block.text ?? `[${block.type}]`).join("\n");
}

export class Question extends Component {
  shouldComponentUpdate(next, state) {
    const { entry, isEditing } = this.props;
    return next.entry !== entry || next.isEditing !== isEditing || state !== this.state;
  }

  componentDidUpdate(before) {
    if (!this.props.isEditing || before.isEditing) return;
    const area = this.area;
    this.setState({ text: textOfMessage(this.props.entry.message) }, () => {
      grow(area);
      area.focus();
      area.setSelectionRange(1e6, 1e6);
    });
  }

  onKeyDown(event) {
    if (event.key === "Escape") {
      event.stopPropagation();
      this.props.onEdit(false);
    }
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.send();
    }
  }

  send() {
    const text = this.state.text?.trim();
    if (text) this.props.onSend(text);
  }

  render({ entry, isEditing, onEdit, onSwitch }, { text = "" }) {
    const shown = textOfMessage(entry.message);
    if (isEditing) {
      const id = `edit-${entry.id}`;
      return html`<article class="message question is-editing">
        <h2 class="sr">You wrote</h2>
        <div class="edit-box">
          <label class="sr" for=${id}>Edit your message</label>
          <textarea id=${id} rows="2" value=${text} ref=${(node) => { this.area = node; }}
            onInput=${(event) => { this.setState({ text: event.target.value }); grow(event.target); }}
            onKeyDown=${(event) => this.onKeyDown(event)}></textarea>
          <div class="buttons">
            <button type="button" class="primary" disabled=${!text.trim()}
              onClick=${() => this.send()}>Send as new branch</button>
            <button type="button" onClick=${() => onEdit(false)}>Cancel</button>
          </div>
        </div>
      </article>`;
    }
    return html`<article class="message question">
      <h2 class="sr">You wrote</h2>
      <div class="bubble">${shown}</div>
      <div class="tools">
        ${entry.versions?.length > 1 && html`<${Versions} entry=${entry} onSwitch=${onSwitch} />`}
        <span class="on-hover">
          <${Copy} text=${shown} label="Copy message" />
          <${IconButton} icon="edit" label="Edit message" onClick=${() => onEdit(true)} />
        </span>
      </div>
    </article>`;
  }
}

function Versions({ entry: { id, versions }, onSwitch }) {
  const at = versions.indexOf(id);
  return html`<span class="branches" role="group" aria-label="Versions of this message">
    <${IconButton} icon="left" label="Previous version" disabled=${at === 0}
      onClick=${() => onSwitch(versions[at - 1])} />
    <span aria-live="polite">${at + 1} / ${versions.length}</span>
    <${IconButton} icon="right" label="Next version" disabled=${at === versions.length - 1}
      onClick=${() => onSwitch(versions[at + 1])} />
  </span>`;
}

// ---- the next message ----

const draft = (id, text) => stored("sessionStorage", `agentkit.draft.${id}`, text);

export class Composer extends Component {
  constructor(props) {
    super(props);
    this.state = { text: draft(props.conversationId) };
  }

  componentDidMount() {
    grow(this.area);
    if (matchMedia("(pointer: fine)").matches) this.area.focus({ preventScroll: true });
  }

  /** Put a text into the box, e.g. an example. */
  write(text) {
    this.change(text);
    this.area.focus();
  }

  change(text) {
    draft(this.props.conversationId, text);
    this.setState({ text }, () => grow(this.area));
  }

  async send() {
    const text = this.state.text.trim();
    if (!text || this.props.isLive || !(await this.props.onSend(text))) return;
    // Typed meanwhile: the beginning was sent, the rest stays.
    this.change(this.state.text.trim() === text ? "" : this.state.text);
  }

  onKeyDown(event) {
    if (event.isComposing) return;
    const { settings, isLive, onEditLast } = this.props;
    const hasMod = event.ctrlKey || event.metaKey;
    const isSend = settings.sendWith === "enter" ? !event.shiftKey : hasMod;
    if (event.key === "Enter" && isSend) {
      event.preventDefault();
      this.send();
    }
    if (event.key === "ArrowUp" && !event.altKey && !this.state.text && !isLive) {
      event.preventDefault();
      onEditLast();
    }
  }

  render({ agent, agents, isLive, isNew, waits, onStop, onAgent }, { text }) {
    const placeholder = waits ? "Decide above, or write something else" : `Message ${agent.name}`;
    return html`<form class="composer" aria-label="New message"
        onSubmit=${(event) => { event.preventDefault(); this.send(); }}>
      <label class="sr" for="message">Message to ${agent.name}</label>
      <textarea id="message" rows="1" value=${text} placeholder=${placeholder}
        ref=${(node) => { this.area = node; }} onInput=${(event) => this.change(event.target.value)}
        onKeyDown=${(event) => this.onKeyDown(event)}></textarea>
      <div class="composer-row">
        ${isNew && agents.length > 1
          ? html`<label class="pick"><span class="sr">Agent</span>
              <select onChange=${(event) => onAgent(event.target.value)}>
                ${agents.map((one) => html`<option value=${one.name}
                  selected=${one.name === agent.name}>${one.name}</option>`)}
              </select></label>`
          : html`<span class="pick">${agent.name}</span>`}
        <span class="hint model">${agent.model}</span>
        <span class="grow"></span>
        ${isLive
          ? html`<button type="button" class="send is-stop" aria-label="Stop (Esc)" title="Stop (Esc)"
              onClick=${onStop}><${Icon} name="stop" /></button>`
          : html`<button type="submit" class="send" aria-label="Send" title="Send"
              disabled=${!text.trim()}><${Icon} name="send" /></button>`}
      </div>
    </form>`;
  }
}

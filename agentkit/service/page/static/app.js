// The page: which conversation is open, the list beside it, keys, dialogs.
import { Component, html, render } from "./vendor/preact-htm.js";
import { api } from "./api.js";
import { Conversation } from "./conversation.js";
import { Icon, isMac, isNarrow, money, narrow, number } from "./format.js";
import {
  Explanation, Keys, keepSettings, readSettings, Settings, Sidebar, SignIn,
} from "./panels.js";

const UNDO_MILLISECONDS = 8000;
const REFRESH_MILLISECONDS = 4000; // while a run is under way somewhere
const SEARCH_MILLISECONDS = 150;
const NOTHING = { entries: new Map(), runs: {}, open_calls: [] };

class App extends Component {
  refreshes = 0;
  state = {
    agents: null, conversation: null, runId: null, list: [], next: null, query: "", hits: null,
    isDrawer: false, dialog: null, settings: readSettings(), toast: null, total: null, round: 0,
    signIn: null, problem: "",
  };

  componentDidMount() {
    api.whenRefused((isRefused) => this.setState({ signIn: { isRefused } }));
    addEventListener("hashchange", () => this.route());
    addEventListener("keydown", (event) => this.onKeyDown(event));
    narrow.addEventListener("change", () => this.setState({ isDrawer: false }));
    document.addEventListener("visibilitychange", () => {
      const isShown = document.visibilityState === "visible" && this.state.agents;
      if (isShown && !this.state.signIn) this.refresh(); // other tabs may have changed the list
    });
    this.begin();
  }

  async begin() {
    try {
      const agents = await api.agents();
      this.setState({ agents, signIn: null, problem: "" }, () => {
        this.route();
        this.refresh();
      });
    } catch (error) {
      if (error.status !== 401) this.setState({ problem: error.sentence || String(error) });
    }
  }

  // ---- the list ----

  async refresh() {
    clearTimeout(this.refreshTimer);
    const count = (this.refreshes += 1);
    try {
      const [{ sessions, next }, runs] = await Promise.all([api.sessions(), api.runs()]);
      if (count !== this.refreshes) return; // what was asked for later is newer
      this.statuses = newestStatuses(runs);
      for (const one of sessions) one.status = this.statuses.get(one.id);
      this.setState({ list: sessions, next });
      const isBusy = sessions.some((one) => one.status === "running");
      if (isBusy) this.refreshTimer = setTimeout(() => this.refresh(), REFRESH_MILLISECONDS);
    } catch (error) {
      if (error.status === 401) return;
      this.refreshTimer = setTimeout(() => this.refresh(), REFRESH_MILLISECONDS);
    }
  }

  async showMore() {
    const after = this.state.next;
    const { sessions, next } = await api.sessions(after);
    if (after !== this.state.next) return;
    for (const one of sessions) one.status = this.statuses.get(one.id);
    this.setState({ list: [...this.state.list, ...sessions], next });
  }

  search(query) {
    this.setState({ query });
    clearTimeout(this.searchTimer);
    if (!query.trim()) {
      this.setState({ hits: null });
      return;
    }
    this.searchTimer = setTimeout(async () => {
      const hits = await api.search(prefixed(query)).catch(() => []);
      if (this.state.query === query) this.setState({ hits: bySession(hits, this.state.list, query) });
    }, SEARCH_MILLISECONDS);
  }

  async rename(one, title) {
    await api.rename(one.id, title);
    const { conversation } = this.state;
    if (conversation.id === one.id) this.open({ ...conversation, title });
    await this.refreshAll();
  }

  async remove(one) {
    await api.remove(one.id);
    if (one.id === this.state.conversation?.id) location.hash = "#/new";
    clearTimeout(this.toastTimer);
    const close = () => this.setState({ toast: null });
    const undo = async () => {
      close();
      await api.restore(one.id);
      await this.refreshAll();
    };
    this.setState({ toast: { text: `“${one.title}” was deleted.`, undo } });
    this.toastTimer = setTimeout(close, UNDO_MILLISECONDS);
    await this.refreshAll();
  }

  async refreshAll() {
    await this.refresh();
    this.search(this.state.query);
  }

  // ---- the conversation ----

  async route() {
    const [, id, runId = null] = /^#\/c\/([^/]+)(?:\/run\/([^/]+))?$/.exec(location.hash) || [];
    const { conversation } = this.state;
    const { hash } = location;
    this.setState({ isDrawer: false, runId });
    if (!id) {
      this.openNew();
    } else if (conversation?.id !== id) {
      try {
        await this.show(id);
      } catch (error) {
        if (location.hash !== hash) return;
        if (error.status !== 404) this.setState({ problem: error.sentence });
        if (error.status !== 401) this.openNew();
      }
    }
  }

  /** Open a conversation, unless the reader has gone on to another one meanwhile. */
  async show(id) {
    const { hash } = location;
    const found = asConversation(await api.session(id));
    if (location.hash === hash) this.open(found, true);
  }

  openNew() {
    const known = this.state.conversation?.agent;
    const { agents } = this.state;
    const agent = agents.some((one) => one.name === known) ? known : agents[0]?.name;
    this.open({ id: null, title: "New conversation", agent, head: null, ...NOTHING }, true);
  }

  open(conversation, isNew = false) {
    document.title = `${conversation.title || "New conversation"} · agentkit`;
    const round = isNew ? this.state.round + 1 : this.state.round;
    this.setState({ conversation, round, total: isNew ? null : this.state.total });
  }

  /** Create the conversation that a first message begins. */
  async create() {
    const { conversation } = this.state;
    const { id } = await api.create(conversation.agent);
    return id;
  }

  /** A message was stored: show it at its place. */
  async taken(session, entry, runId) {
    const { conversation } = this.state;
    if (conversation.id !== session.id) {
      history.pushState(null, "", `#/c/${session.id}`);
      await this.show(session.id);
    } else {
      const { entries } = conversation;
      const isKnown = [...entries.values()].some((one) => one.parent_id === entry.parent_id);
      conversation.runs[runId] = "queued";
      conversation.head = conversation.sent = entry.id;
      conversation.entries = new Map(entries).set(entry.id, entry);
      // What stands before a message may be new as well: an answer that was given up.
      const isComplete = !entry.parent_id || entries.has(entry.parent_id);
      if (!isComplete || isKnown) await this.reload();
      this.setState({});
    }
    this.refresh();
  }

  /** Read the newest messages again; with `goes`, also where the conversation goes on. */
  async reload(goes, read = api.session) {
    const { conversation } = this.state;
    const { sent } = conversation;
    const found = asConversation(await read(conversation.id));
    const { head } = conversation;
    this.add(conversation, found);
    // Who sent a message meanwhile stays with it.
    if (head && (!goes || sent !== conversation.sent)) {
      conversation.head = answerEnd(conversation.entries, head);
    }
    if (this.state.conversation.id === conversation.id) this.open(conversation);
  }

  async readEarlier(before) {
    const { conversation } = this.state;
    const { entries, runs } = asConversation(await api.session(conversation.id, before));
    this.add(conversation, { entries, runs });
  }

  /** Add what was read; an entry that is the same stays, so that it is not drawn again. */
  add(conversation, found) {
    const entries = new Map(conversation.entries);
    for (const [id, one] of found.entries) {
      const known = entries.get(id);
      if (!known || `${known.versions}` !== `${one.versions}`) entries.set(id, one);
    }
    Object.assign(conversation, found, { entries, runs: { ...conversation.runs, ...found.runs } });
  }

  // ---- keys and drawing ----

  onKeyDown(event) {
    const hasMod = isMac ? event.metaKey : event.ctrlKey;
    const key = event.key.toLowerCase();
    if (this.state.signIn) return;
    if (hasMod && key === "k") {
      event.preventDefault();
      this.setState({ isDrawer: isNarrow() }, () => document.getElementById("search").focus());
    } else if (hasMod && event.shiftKey && key === "o") {
      event.preventDefault();
      location.hash = "#/new";
    } else if (hasMod && key === "/") {
      event.preventDefault();
      this.setState({ dialog: "keys" });
    } else if (key === "escape" && !this.state.dialog) {
      if (this.state.isDrawer) this.closeDrawer();
      else this.thread?.stop();
    } else if (event.altKey && (key === "arrowup" || key === "arrowdown")) {
      event.preventDefault();
      goToMessage(key === "arrowup" ? -1 : 1);
    }
  }

  change(patch) {
    const settings = { ...this.state.settings, ...patch };
    keepSettings(settings);
    this.setState({ settings });
  }

  closeDrawer() {
    this.setState({ isDrawer: false }, () => document.getElementById("open-list")?.focus());
  }

  render(_, state) {
    const { signIn, conversation, agents, problem, dialog, settings, toast } = state;
    if (signIn) {
      const onToken = (token) => {
        api.signIn(token);
        this.begin();
      };
      return html`<${SignIn} isRefused=${signIn.isRefused} onToken=${onToken} />`;
    }
    if (!conversation || !agents) {
      return html`<main class="page">
        <h1 class="sr">agentkit</h1>${problem && html`<p class="empty" role="status">${problem}</p>`}
      </main>`;
    }
    const closeDialog = () => this.setState({ dialog: null });
    return html`<div class="layout ${state.isDrawer ? "has-drawer" : ""}">
      <a class="skip" href="#message" onClick=${skip}>Go to the message box</a>
      <aside class="side" id="side" aria-label="Conversation list">
        <${Sidebar} list=${state.hits || state.list} current=${conversation.id} query=${state.query}
          hasMore=${state.next} onMore=${() => this.showMore()} onQuery=${(query) => this.search(query)}
          onRename=${(one, title) => this.rename(one, title)} onRemove=${(one) => this.remove(one)}
          onDialog=${(name) => this.setState({ dialog: name })} onClose=${() => this.closeDrawer()} />
      </aside>
      ${state.isDrawer && html`<div class="shade" onClick=${() => this.closeDrawer()}></div>`}
      <main class="page" inert=${state.isDrawer && isNarrow()}>
        ${this.drawHead(state)}
        ${this.drawBody(state)}
      </main>
      <div class="sr" aria-live="polite" aria-atomic="true"
        ref=${(node) => { this.voice = node || this.voice; }}></div>
      ${toast && html`<div class="toast" role="status">
        <span>${toast.text}</span>
        <button type="button" class="quiet small" onClick=${toast.undo}>Undo</button>
      </div>`}
      ${dialog === "settings" && html`<${Settings} settings=${settings}
        onChange=${(patch) => this.change(patch)} onClose=${closeDialog} />`}
      ${dialog === "keys" && html`<${Keys} onClose=${closeDialog} />`}
    </div>`;
  }

  drawHead({ conversation, runId, total, settings, isDrawer }) {
    const openDrawer = () =>
      this.setState({ isDrawer: true }, () => document.getElementById("search").focus());
    const hasTotal = settings.showCost && total?.tokens > 0;
    const last = lastRun(conversation);
    const chat = `#/c/${conversation.id}`;
    return html`<header class="top">
      <span class="only-narrow">
        <button type="button" id="open-list" class="icon-button" aria-label="Conversations"
          aria-expanded=${isDrawer} aria-controls="side" onClick=${openDrawer}>
          <${Icon} name="menu" />
        </button>
      </span>
      <h1>${conversation.title || "New conversation"}</h1>
      <span class="grow"></span>
      ${hasTotal && !runId && html`<span class="hint totals">
        ${number(total.tokens)} tokens, ${money(total.cost, total.isEstimate)}
      </span>`}
      ${last && html`<nav class="tabs" aria-label="Views">
        <a href=${chat} aria-current=${runId ? undefined : "page"}>Chat</a>
        <a href=${`${chat}/run/${runId || last}`} aria-current=${runId ? "page" : undefined}>Explain</a>
      </nav>`}
      <span class="only-narrow">
        <a class="icon-button" href="#/new" aria-label="New conversation"><${Icon} name="plus" /></a>
      </span>
    </header>`;
  }

  drawBody({ conversation, agents, settings, round, runId }) {
    const agent = agents.find((one) => one.name === conversation.agent) || unknownAgent(conversation);
    return html`${runId && html`<${Explanation} key=${runId} runId=${runId} theme=${settings.theme} />`}
      <div class="chat" hidden=${Boolean(runId)}>
        <${Conversation} key=${round} ref=${(node) => { this.thread = node; }}
          conversation=${conversation} agent=${agent} agents=${agents} settings=${settings}
          announce=${(sentence) => { this.voice.textContent = sentence; }}
          onAgent=${(name) => this.open({ ...conversation, agent: name })}
          onCreate=${() => this.create()} onReload=${(goes, read) => this.reload(goes, read)}
          onEarlier=${(before) => this.readEarlier(before)}
          onTurn=${(session, entry, id) => this.taken(session, entry, id)}
          onTotal=${(total) => this.setState({ total })} onChanged=${() => this.refresh()} />
      </div>`;
  }
}

/** An agent that is not served any more; its conversations can still be read. */
const unknownAgent = ({ agent }) => ({
  name: agent || "agent", model: "", description: "", examples: [], tools: [],
});

/** What the server sends, with the entries and the states of the stored runs by their ids. */
const asConversation = (found) => ({
  ...found,
  entries: new Map(found.entries.map((one) => [one.id, one])),
  runs: Object.fromEntries(found.runs.map((run) => [run.id, run.status])),
});

/** The newest stored run on the way to the head. */
function lastRun({ entries, head, runs }) {
  for (let one = entries.get(head); one; one = entries.get(one.parent_id)) {
    if (runs[one.run_id]) return one.run_id;
  }
}

/** The last entry of the answer that follows a question. */
function answerEnd(entries, id) {
  for (const one of entries.values()) {
    if (one.parent_id === id && one.message.role !== "user") id = one.id;
  }
  return id;
}

/** The state of the newest run of each conversation; runs come newest first. */
function newestStatuses(runs) {
  const found = new Map();
  for (const { labels, status } of runs) {
    if (!labels.session || found.has(labels.session)) continue;
    const isFailed = status === "dead" || status === "failed";
    found.set(labels.session, status === "queued" ? "running" : isFailed ? "failed" : status);
  }
  return found;
}

/** The last word may be unfinished: find all that begin with it. */
const prefixed = (query) => (/[\p{L}\p{N}]$/u.test(query) ? `${query}*` : query);

/** Conversations of hits, and those whose title has the words, each once. */
function bySession(hits, list, query) {
  const found = new Map();
  const words = query.trim().toLowerCase();
  for (const one of list) if (one.title.toLowerCase().includes(words)) found.set(one.id, one);
  for (const { session_id: id, title, excerpt, created_at: at } of hits) {
    const known = found.get(id) || list.find((one) => one.id === id);
    if (!known?.snippet) found.set(id, { id, title, updated_at: at, ...known, snippet: excerpt });
  }
  return [...found.values()];
}

function skip(event) {
  event.preventDefault();
  document.getElementById("message").focus();
}

function goToMessage(step) {
  const messages = [...document.querySelectorAll(".message")];
  const top = document.querySelector(".scroller").getBoundingClientRect().top + 20;
  const at = messages.findIndex((one) => one.getBoundingClientRect().bottom > top);
  const to = messages[Math.max(0, Math.min(messages.length - 1, at + step))];
  if (!to) return;
  to.scrollIntoView({ block: "start" });
  to.setAttribute("tabindex", "-1");
  to.focus({ preventScroll: true });
}

render(html`<${App} />`, document.getElementById("app"));

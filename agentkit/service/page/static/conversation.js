// One conversation: its turns, the runs that are under way, and the box to write in.
import { Component, html } from "./vendor/preact-htm.js";
import { Answer, totals } from "./answer.js";
import { api } from "./api.js";
import { Follower } from "./follower.js";
import { Icon, Mark } from "./format.js";
import { decidedHere } from "./parts.js";
import { answerOfMessages, hasEnded, isLive, isOver, newAnswer, turnsTo } from "./records.js";
import { Composer, Question } from "./writing.js";

const AWAY_PIXELS = 120;
const GROW_PIXELS = 900;

/** An id that no one can guess; by it, a message that is sent twice starts one run. */
function newRunId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Conversation extends Component {
  constructor(props) {
    super(props);
    this.answers = new Map(); // by the id of the run, or of the turn without one
    this.followers = new Map();
    this.views = new Map();
    this.rows = new Map();
    this.selected = Promise.resolve();
    this.decisions = new Map(); // about calls of a turn that is no stored run
    this.state = { editing: null, isAway: false, problem: null, now: 0 };
    this.load();
  }

  componentDidMount() {
    this.toEnd();
    this.readEarlier();
  }

  componentWillUnmount() {
    this.isGone = true;
    for (const follower of this.followers.values()) follower.end();
    clearInterval(this.timer);
  }

  componentDidUpdate() {
    this.followEnd();
  }

  // ---- what is shown ----

  /** The turns up to the head; made anew only when the tree changes. */
  turns() {
    const { entries, head } = this.props.conversation;
    if (this.turnsOf !== entries || this.turnsHead !== head) {
      [this.cachedTurns, this.before] = turnsTo(entries, head);
      this.turnsOf = entries;
      this.turnsHead = head;
    }
    return this.cachedTurns;
  }

  runOf(turn) {
    const runId = turn.question?.run_id || turn.answers[0]?.run_id;
    return runId && this.props.conversation.runs[runId] ? runId : null;
  }

  keyOf(turn) {
    return this.runOf(turn) || (turn.question || turn.answers[0]).id;
  }

  /** Read what is known of the turns that are shown. */
  load() {
    const { agent, open_calls: openCalls } = this.props.conversation;
    for (const turn of this.turns()) {
      const key = this.keyOf(turn);
      const runId = this.runOf(turn);
      const known = this.answers.get(key);
      if (known && (runId || known.size === turn.answers.length)) continue;
      if (turn.answers.length) {
        this.answers.set(key, answerOfMessages(turn.answers, agent, openCalls));
      } else if (!runId) {
        this.answers.set(key, this.unanswered());
      }
      if (runId) this.follow(runId);
    }
  }

  /** A question whose run was never stored, because its process ended. */
  unanswered() {
    const error = { message: "This message was not answered." };
    return { ...newAnswer(null, this.props.conversation.agent), status: "failed", error };
  }

  /** Follow a run; what its messages show stays until the first of its records is there. */
  follow(runId) {
    const { conversation, announce } = this.props;
    const answer = newAnswer(runId, conversation.agent);
    const isStored = isOver(conversation.runs[runId]) && this.answers.has(runId);
    if (!this.answers.has(runId)) this.answers.set(runId, answer);
    this.followers.get(runId)?.end();
    const follower = new Follower(answer, {
      onChange: () => {
        if (isStored && !hasEnded(answer)) return; // more of the replay comes
        this.answers.set(runId, answer);
        this.changed(runId);
      },
      onSentence: announce,
      onEnd: () => this.ended(runId, answer),
    });
    this.followers.set(runId, follower);
    follower.follow();
  }

  /** Draw one answer again; the conversation only if more than its text changed. */
  changed(runId) {
    const answer = this.answers.get(runId);
    const follower = this.followers.get(runId);
    const view = this.views.get(runId);
    if (view && view.props.answer === answer) view.forceUpdate();
    const approvals = answer.approvals.map((call) => call.id);
    const key = [runId, answer.status, answer.exchanges.length, approvals, follower.isLost].join();
    if (key === this.changeKey && view?.props.answer === answer) {
      this.followEnd();
      return;
    }
    this.changeKey = key;
    this.rows.delete(runId);
    this.forceUpdate();
    this.props.onTotal(this.total());
    if (answer.status !== this.reported) {
      this.reported = answer.status;
      this.props.onChanged();
    }
    clearInterval(this.timer);
    if (this.lost()) this.timer = setInterval(() => this.setState({ now: Date.now() }), 1000);
  }

  /** The run has ended: its messages are in the tree now. */
  async ended(runId) {
    const turn = this.turns().find((one) => this.runOf(one) === runId);
    if (turn && !turn.answers.length) await this.read();
    this.props.onChanged();
  }

  last() {
    const turn = this.turns().at(-1);
    return turn && this.answers.get(this.keyOf(turn));
  }

  live() {
    const answer = this.last();
    return answer?.runId && isLive(answer) ? answer : null;
  }

  lost() {
    const follower = this.followers.get(this.last()?.runId);
    return follower?.isLost ? follower : null;
  }

  total() {
    const sum = { tokens: 0, cost: 0, isEstimate: false };
    for (const answer of this.answers.values()) {
      const { tokens, cost, isEstimate } = totals(answer);
      sum.tokens += tokens;
      sum.cost = cost === null || sum.cost === null ? null : sum.cost + cost;
      sum.isEstimate ||= isEstimate;
    }
    return sum;
  }

  // ---- what the user does ----

  /** Send a message; return whether it was taken. */
  async send(turn) {
    if (this.isSending) return false;
    this.isSending = true;
    this.setState({ problem: null });
    try {
      await this.selected;
      const { session, entry, run_id: runId } = await this.start(turn);
      this.setState({ editing: null, isAway: false });
      if (this.isGone) this.props.onChanged();
      else await this.props.onTurn(session, entry, runId);
      if (session.id !== this.props.conversation.id) return true; // the new one is drawn by itself
      this.load();
      this.forceUpdate();
      return true;
    } catch (error) {
      const isConflict = error.status === 409 && error.code === "conflict";
      this.setState({ problem: isConflict ? CONFLICT : { text: error.sentence || String(error) } });
      return false;
    } finally {
      this.isSending = false;
    }
  }

  async start(turn) {
    const body = { ...turn, run_id: newRunId() };
    const id = this.props.conversation.id || (await this.props.onCreate());
    try {
      return await api.turn(id, body);
    } catch (error) {
      if (error.status) throw error;
      return api.turn(id, body); // once more: it may have arrived, and its id makes that harmless
    }
  }

  sendNext(text) {
    const { head } = this.props.conversation;
    return this.send({ prompt: text, after: head || undefined });
  }

  retry(turn) {
    return turn.question && this.send({ replaces: turn.question.id });
  }

  async stop() {
    const answer = this.live();
    if (!answer) return;
    this.props.announce("Stopped.");
    try {
      await api.cancel(answer.runId);
    } catch (error) {
      if (error.status !== 409) this.setState({ problem: { text: error.sentence } });
    }
  }

  async decide(runId, decision) {
    decidedHere.add(decision.call_id);
    try {
      await (runId ? api.decide(runId, decision) : this.decideOpen(decision));
    } catch (error) {
      decidedHere.delete(decision.call_id);
      throw error;
    }
    this.props.announce(`${decision.verdict === "allow" ? "Approved" : "Refused"}. The run goes on.`);
    document.getElementById("message")?.focus();
  }

  /** Decide a call of a turn that is no stored run; it goes on when all of its calls are decided. */
  async decideOpen(decision) {
    const { id, open_calls: calls } = this.props.conversation;
    this.decisions.set(decision.call_id, decision);
    if (!calls.every((call) => this.decisions.has(call.id))) return;
    await api.say(id, calls.map((call) => this.decisions.get(call.id)));
    await this.showNewest();
  }

  /** Go to another version; in order, and before the next message is sent. */
  switchTo(version) {
    this.setState({ isAway: true });
    this.selected = this.selected.then(() => this.read(true, (id) => api.select(id, version)));
  }

  editLast() {
    const last = this.turns().findLast((turn) => turn.question);
    if (last) this.setState({ editing: last.question.id, isAway: true });
  }

  async showNewest() {
    this.setState({ problem: null, isAway: false });
    await this.read(true);
  }

  /** Read the conversation again, and show what is there. */
  async read(goes, request) {
    try {
      await this.props.onReload(goes, request);
      this.load();
      this.forceUpdate();
    } catch (error) {
      this.setState({ problem: { text: error.sentence } });
    }
  }

  // ---- scrolling ----

  toEnd() {
    if (!this.box) return;
    this.box.scrollTop = this.box.scrollHeight;
    this.lastTop = this.box.scrollTop;
  }

  /** Follow the end, unless the reader has scrolled up; the browser may not have reported it yet. */
  followEnd() {
    const box = this.box;
    if (this.state.isAway || !box) return;
    const isAway = fromEnd(box) > AWAY_PIXELS && box.scrollTop < (this.lastTop ?? 0) - 1;
    if (isAway) this.setState({ isAway });
    else this.toEnd();
  }

  onScroll() {
    const box = this.box;
    const isAway = fromEnd(box) > AWAY_PIXELS;
    if (isAway !== this.state.isAway) this.setState({ isAway });
    this.readEarlier();
  }

  /** Read earlier messages if the reader is near the first one that is there. */
  async readEarlier() {
    const box = this.box;
    if (!this.before || this.isGrowing || box.scrollTop >= GROW_PIXELS) return;
    this.isGrowing = true;
    try {
      await this.props.onEarlier(this.before);
      const below = box.scrollHeight - box.scrollTop;
      this.load();
      this.forceUpdate(() => requestAnimationFrame(() => {
        box.scrollTop = box.scrollHeight - below;
        this.isGrowing = false;
        this.readEarlier();
      }));
    } catch (error) {
      this.isGrowing = false;
      this.setState({ problem: { text: error.sentence } });
    }
  }

  // ---- drawing ----

  render({ conversation, agent, agents, settings }, { isAway, problem }) {
    const turns = this.turns();
    const live = this.live();
    const thread = html`<div class="thread">
      ${this.before && html`<p class="hint more">Earlier messages load as you scroll up.</p>`}
      ${turns.flatMap((turn) => this.row(turn))}
    </div>`;
    return html`<div class="scroller" tabindex="-1" ref=${(node) => { this.box = node; }}
        onScroll=${() => this.onScroll()}>
        ${turns.length
          ? thread
          : html`<${Empty} agent=${agent} onSuggest=${(text) => this.composer.write(text)} />`}
      </div>
      <div class="dock">
        ${isAway && turns.length > 0 && html`<button type="button" class="to-end"
          onClick=${() => { this.setState({ isAway: false }); this.toEnd(); }}>
          <${Icon} name="down" /> ${live ? "Follow the answer" : "Latest"}
        </button>`}
        <${Banner} lost=${this.lost()} problem=${problem} onNewest=${() => this.showNewest()}
          onClose=${() => this.setState({ problem: null })} />
        <${Composer} ref=${(node) => { this.composer = node; }} agent=${agent} agents=${agents}
          conversationId=${conversation.id || "new"} settings=${settings} isLive=${Boolean(live)}
          isNew=${!conversation.id} waits=${this.last()?.approvals.length > 0}
          onAgent=${this.props.onAgent} onStop=${() => this.stop()}
          onSend=${(text) => this.sendNext(text)} onEditLast=${() => this.editLast()} />
      </div>`;
  }

  /** One turn; the same elements again while nothing about it changed, so that Preact passes over it. */
  row(turn) {
    const { settings, agent, conversation } = this.props;
    const key = this.keyOf(turn);
    const runId = this.runOf(turn);
    const facts = {
      answer: this.answers.get(key), settings, agent, question: turn.question,
      isEditing: Boolean(turn.question) && this.state.editing === turn.question.id,
    };
    const kept = this.rows.get(key);
    if (kept && Object.keys(facts).every((name) => kept.facts[name] === facts[name])) return kept.node;
    const node = [
      turn.question && html`<${Question} key=${`q-${turn.question.id}`} entry=${turn.question}
        isEditing=${facts.isEditing}
        onEdit=${(isOn) => this.setState({ editing: isOn ? turn.question.id : null })}
        onSwitch=${(version) => this.switchTo(version)}
        onSend=${(text) => this.send({ prompt: text, replaces: turn.question.id })} />`,
      html`<${Answer} key=${`a-${key}`} id=${key} answer=${facts.answer} views=${this.views}
        agent=${agent} settings=${settings} onRetry=${() => this.retry(turn)}
        onDecide=${(decision) => this.decide(runId, decision)}
        explainHref=${`#/c/${conversation.id}/run/${runId}`} />`,
    ];
    this.rows.set(key, { facts, node });
    return node;
  }
}

const fromEnd = (box) => box.scrollHeight - box.scrollTop - box.clientHeight;

const CONFLICT = {
  text: "This conversation was continued elsewhere. Your text is kept below.",
  isConflict: true,
};

function Banner({ lost, problem, onNewest, onClose }) {
  if (problem) {
    return html`<div class="banner" role="status">
      <span>${problem.text}</span>
      <button type="button" class="small" onClick=${problem.isConflict ? onNewest : onClose}>
        ${problem.isConflict ? "Show the newest" : "Close"}
      </button>
    </div>`;
  }
  if (!lost) return null;
  const rest = Math.max(0, Math.ceil((lost.retryAt - Date.now()) / 1000));
  return html`<div class="banner" role="status">
    <i class="spin"></i>
    <span>
      <strong>Connection lost.</strong> The run goes on at the server.${" "}
      <span aria-hidden="true">Next try in ${rest} s.</span>
    </span>
    <button type="button" class="small" onClick=${() => lost.tryNow()}>Try now</button>
  </div>`;
}

const Empty = ({ agent, onSuggest }) => html`<div class="empty">
  <${Mark} /><h2>Ask ${agent.name}</h2><p>${agent.description}</p>
  ${agent.examples.length > 0 && html`<ul class="suggestions" aria-label="Example questions">
    ${agent.examples.slice(0, 3).map((text) => html`<li>
      <button type="button" onClick=${() => onSuggest(text)}>${text}<${Icon} name="send" /></button>
    </li>`)}
  </ul>`}
  ${agent.tools.length > 0 && html`<p class="hint">
    Tools: ${agent.tools.map((tool) => tool.name).join(", ")}
  </p>`}
</div>`;

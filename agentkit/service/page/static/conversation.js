// One conversation: its turns, the runs that are under way, and the box to write in.
import { Component, html } from "./vendor/preact-htm.js";
import { Answer, totals } from "./answer.js";
import { api } from "./api.js";
import { Follower } from "./follower.js";
import { Icon, Mark, number } from "./format.js";
import { decidedHere } from "./parts.js";
import {
  answerOfMessages, hasEnded, isLive, newAnswer, newestBelow, turnsTo, versionsOf,
} from "./records.js";
import { Composer, Question } from "./writing.js";

const PAGE = 30; // turns, of two messages each
const AWAY_PIXELS = 120;
const GROW_PIXELS = 900;
const ENDED = new Set(["done", "failed", "cancelled", "dead"]);

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
    this.state = { shown: PAGE, editing: null, isAway: false, problem: null, now: 0 };
  }

  componentDidMount() {
    this.load();
    this.toEnd();
  }

  componentWillUnmount() {
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
      this.cachedTurns = turnsTo(entries, head);
      const before = this.versions;
      this.versions = versionsOf(entries);
      for (const [parent, known] of before || []) {
        // The same list again if nothing was added, so that its message is not drawn again.
        const now = this.versions.get(parent);
        if (now?.length === known.length && now.every((one, at) => one.id === known[at].id)) {
          this.versions.set(parent, known);
        }
      }
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
    for (const turn of this.turns().slice(-this.state.shown)) {
      const key = this.keyOf(turn);
      const runId = this.runOf(turn);
      if (this.answers.has(key)) continue;
      if (turn.answers.length) {
        this.answers.set(key, answerOfMessages(turn.answers, this.props.conversation.agent));
      } else if (!runId) {
        this.answers.set(key, this.unanswered());
      }
      if (runId) this.follow(runId);
    }
  }

  /** A question whose run was never stored, because its process ended. */
  unanswered() {
    const answer = newAnswer(null, this.props.conversation.agent);
    answer.status = "failed";
    answer.error = { message: "This message was not answered.", attempts: 1, kind: "RunNotFoundError" };
    return answer;
  }

  /** Follow a run; what its messages show stays until the first of its records is there. */
  follow(runId) {
    const { conversation, announce } = this.props;
    const answer = newAnswer(runId, conversation.agent);
    const isStored = ENDED.has(conversation.runs[runId]) && this.answers.has(runId);
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
    follower.start();
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
    if (turn && !turn.answers.length) await this.props.onReload();
    this.props.onChanged();
  }

  live() {
    const turns = this.turns();
    const answer = turns.length && this.answers.get(this.keyOf(turns[turns.length - 1]));
    return answer && answer.runId && isLive(answer) ? answer : null;
  }

  lost() {
    for (const turn of this.turns().slice(-1)) {
      const follower = this.followers.get(this.runOf(turn));
      if (follower?.isLost) return follower;
    }
    return null;
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
    this.setState({ problem: null });
    try {
      const { session, entry, run_id: runId } = await this.start(turn);
      this.setState({ editing: null, isAway: false });
      await this.props.onTurn(session, entry, runId);
      if (session.id !== this.props.conversation.id) return true; // the new one is drawn by itself
      this.follow(runId);
      this.forceUpdate();
      return true;
    } catch (error) {
      const isConflict = error.status === 409 && error.code === "conflict";
      this.setState({ problem: isConflict ? CONFLICT : { text: error.sentence || String(error) } });
      return false;
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
    return this.send(head ? { prompt: text, after: head } : { prompt: text });
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
      await api.decide(runId, decision);
    } catch (error) {
      decidedHere.delete(decision.call_id);
      throw error;
    }
    const isAllowed = decision.verdict === "allow";
    this.props.announce(`${isAllowed ? "Approved" : "Refused"}. The run goes on.`);
    document.getElementById("message")?.focus();
  }

  async switchTo(version) {
    const { conversation } = this.props;
    conversation.head = newestBelow(conversation.entries, version.id);
    this.setState({ isAway: true });
    this.load();
    this.forceUpdate();
    const select = () => api.select(conversation.id, version.id).catch(() => {});
    await (this.selected = this.selected.then(select)); // in order; the next send names its place
  }

  editLast() {
    const last = this.turns().filter((turn) => turn.question).pop();
    if (last) this.setState({ editing: last.question.id, isAway: true });
  }

  async showNewest() {
    this.setState({ problem: null, isAway: false });
    await this.props.onReload(true);
    this.load();
    this.forceUpdate();
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
    const hasMore = this.state.shown < this.turns().length;
    if (box.scrollTop >= GROW_PIXELS || !hasMore || this.isGrowing) return;
    this.isGrowing = true;
    const below = box.scrollHeight - box.scrollTop;
    this.setState({ shown: this.state.shown + PAGE, isAway: true }, () => {
      this.load();
      requestAnimationFrame(() => {
        box.scrollTop = box.scrollHeight - below;
        this.isGrowing = false;
      });
    });
  }

  // ---- drawing ----

  render({ conversation, agent, agents, settings }, { shown, isAway, problem }) {
    const turns = this.turns();
    const hidden = Math.max(0, turns.length - shown);
    const live = this.live();
    const last = turns.length && this.answers.get(this.keyOf(turns[turns.length - 1]));
    const thread = html`<div class="thread">
      ${hidden > 0 && html`<p class="hint more">
        ${number(2 * hidden)} earlier messages load as you scroll up.
      </p>`}
      ${turns.slice(hidden).flatMap((turn) => this.row(turn))}
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
          isNew=${!conversation.id} waits=${last && last.approvals.length > 0}
          onAgent=${this.props.onAgent} onStop=${() => this.stop()}
          onSend=${(text) => this.sendNext(text)} onEditLast=${() => this.editLast()} />
      </div>`;
  }

  /** One turn; the same elements again while nothing about it changed, so that Preact passes over it. */
  row(turn) {
    const { settings, agent, conversation } = this.props;
    const key = this.keyOf(turn);
    const runId = this.runOf(turn);
    const versions = turn.question && this.versions.get(turn.question.parent_id);
    const facts = {
      answer: this.answers.get(key), versions, settings, agent, question: turn.question,
      isEditing: Boolean(turn.question) && this.state.editing === turn.question.id,
    };
    const kept = this.rows.get(key);
    if (kept && Object.keys(facts).every((name) => kept.facts[name] === facts[name])) return kept.node;
    const node = [
      turn.question && html`<${Question} key=${`q-${turn.question.id}`} entry=${turn.question}
        versions=${versions} isEditing=${facts.isEditing}
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
      ${problem.isConflict
        ? html`<button type="button" class="small" onClick=${onNewest}>Show the newest</button>`
        : html`<button type="button" class="small" onClick=${onClose}>Close</button>`}
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

// One answer of an agent, with what it cost.
import { Component, html } from "./vendor/preact-htm.js";
import { Approval } from "./approval.js";
import { Icon, IconButton, money, number, seconds } from "./format.js";
import { useCopy } from "./markdown.js";
import { Copy, Note, Parts } from "./parts.js";
import { isLive, textOf } from "./records.js";

/** An answer draws itself again when its records change, without the conversation around it. */
export class Answer extends Component {
  componentDidMount() {
    this.props.views.set(this.props.id, this);
  }

  componentWillUnmount() {
    if (this.props.views.get(this.props.id) === this) this.props.views.delete(this.props.id);
  }

  shouldComponentUpdate(next) {
    const { answer, settings, agent } = this.props;
    const isSame = next.answer === answer && next.answer?.version === this.seen;
    return !isSame || next.settings !== settings || next.agent !== agent;
  }

  render({ answer, agent, settings, onRetry, onDecide, explainHref }) {
    this.seen = answer?.version;
    if (!answer) {
      return html`<article class="message answer">
        <div class="skeleton" aria-hidden="true"><i></i><i></i><i></i></div>
      </article>`;
    }
    const live = isLive(answer);
    const last = answer.parts.at(-1);
    return html`<article class="message answer ${live ? "is-live" : ""}" aria-busy=${live}>
      <h2 class="sr">${agent?.name || answer.agent} answered</h2>
      <${Parts} answer=${answer} open=${settings.openCalls} />
      ${live && last?.kind !== "text" && html`<p class="thinking">
        <i></i><i></i><i></i>${!last && html`<span class="sr">The model is asked</span>`}
      </p>`}
      ${answer.approvals.map((call) => html`<${Approval} key=${call.id} call=${call}
        tool=${agent?.tools.find((tool) => tool.name === call.name)}
        repairs=${answer.repairs.get(call.id)} onDecide=${onDecide} />`)}
      ${answer.error && html`<${ErrorCard} error=${answer.error} providers=${answer.providers}
        onRetry=${onRetry} />`}
      ${answer.status === "cancelled" && html`<${Note} tone="stop">
        Stopped by you. What was written is kept.
      </${Note}>`}
      ${LIMITS[answer.stopReason] && html`<${Note} tone="wait">${LIMITS[answer.stopReason]}</${Note}>`}
      ${!live && html`<footer class="tools">
        <${Copy} text=${() => textOf(answer)} label="Copy answer" />
        ${!answer.error && answer.status !== "suspended" &&
        html`<${IconButton} icon="retry" label="Answer again" onClick=${onRetry} />`}
        ${answer.runId && html`<a class="icon-button" href=${explainHref}
          aria-label="Explain this run" title="Explain this run"><${Icon} name="trace" /></a>`}
        <${Receipt} answer=${answer} settings=${settings} />
      </footer>`}
    </article>`;
  }
}

/** Why an answer ended early. */
const LIMITS = {
  max_turns: "Stopped at the limit of exchanges.",
  max_tool_calls: "Stopped at the limit of tool calls.",
  max_tokens: "Stopped at the limit of tokens.",
  max_cost: "Stopped at the limit of money.",
  deadline: "Stopped at the limit of time.",
  no_progress: "Stopped: the same calls came again and again.",
  content_filter: "The provider filtered this answer.",
  length: "The answer was cut off at its greatest length.",
};

function ErrorCard({ error, providers, onRetry }) {
  const count = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;
  const tried = `${count(error.attempts || 1, "attempt")} with ${count(providers, "provider")}.`;
  const [isCopied, copy] = useCopy(JSON.stringify(error, null, 2));
  return html`<section class="card error" aria-label="Error">
    <header>
      <span class="card-icon"><${Icon} name="cross" /></span>
      <div>
        <h3>The answer is not complete</h3>
        <p>${error.message}</p>
        <p class="hint">${tried} What was written above is kept, and nothing was run twice.</p>
      </div>
    </header>
    <div class="buttons">
      <button type="button" class="primary" onClick=${onRetry}>Try again</button>
      <button type="button" class="quiet" onClick=${copy}>${isCopied ? "Copied" : "Copy details"}</button>
      ${error.request_id && html`<span class="hint mono">${error.request_id}</span>`}
    </div>
  </section>`;
}

/** Tokens and money of an answer and the runs inside it. */
export function totals(answer) {
  const nested = [...answer.calls.values()].filter((call) => call.run).map((call) => call.run);
  const found = { runs: [answer, ...nested], tokens: 0, cost: 0, isEstimate: false };
  for (const { usage } of found.runs.flatMap((run) => run.exchanges)) {
    found.tokens += usage.input_tokens + usage.output_tokens;
    found.cost = usage.cost_usd == null || found.cost === null ? null : found.cost + Number(usage.cost_usd);
    found.isEstimate ||= usage.is_estimate;
  }
  return found;
}

function Receipt({ answer, settings }) {
  if (!answer.exchanges.length || !settings.showCost) return null;
  const { runs, tokens, cost, isEstimate } = totals(answer);
  const calls = [...answer.calls.values()];
  const repaired = [...answer.repairs.keys()].length;
  const time =
    answer.exchanges.reduce((sum, one) => sum + one.seconds, 0) +
    calls.reduce((sum, call) => sum + (call.seconds || 0), 0);
  const rows = runs.flatMap((run, at) =>
    run.exchanges.map(
      ({ turn, provider, seconds: count, usage }) => html`<tr>
        <td>${at ? `${run.agent}, ${turn}` : turn}</td>
        <td>${provider}</td>
        <td>${seconds(count)}</td>
        <td>${number(usage.input_tokens)}</td>
        <td>${number(usage.output_tokens)}</td>
        <td>${money(usage.cost_usd == null ? null : Number(usage.cost_usd), usage.is_estimate)}</td>
      </tr>`,
    ),
  );
  return html`<details class="receipt">
    <summary>
      <span>${seconds(time)}</span>
      <span>${number(tokens)} tokens</span>
      <span>${money(cost, isEstimate)}</span>
      ${repaired > 0 && html`<span class="is-fix">${repaired} repaired</span>`}
    </summary>
    <div class="receipt-box" tabindex="0" role="group" aria-label="Tokens and money of this answer">
      <table>
        <thead><tr>
          <th scope="col">Exchange</th><th scope="col">Provider</th><th scope="col">Time</th>
          <th scope="col">In</th><th scope="col">Out</th><th scope="col">Cost</th>
        </tr></thead>
        <tbody>${rows}</tbody>
      </table>
    </div>
  </details>`;
}

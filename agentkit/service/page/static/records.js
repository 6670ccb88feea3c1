// Records of a run in, one answer out; entries of a conversation in, its turns out.
// Pure: no document, no clock, no network. A finished answer is the replay of its records; a running
// one is the same with more to come.

export function newAnswer(runId, agent) {
  return {
    runId,
    agent,
    status: "queued",
    parts: [],
    approvals: [],
    error: null,
    providers: 1,
    stopReason: null,
    exchanges: [],
    openTurn: 0, // where the parts of the present turn begin
    cursor: [0, 0],
    version: 0, // grows with each change
    calls: new Map(),
    repairs: new Map(),
    decided: new Set(), // calls of which someone has decided
  };
}

export const isLive = (answer) => answer.status === "queued" || answer.status === "running";
export const hasEnded = (answer) => !isLive(answer) && answer.status !== "suspended";
export const isOver = (status) => ["done", "failed", "cancelled", "dead"].includes(status);

export const textOf = (answer) =>
  answer.parts
    .filter((part) => part.kind === "text")
    .map((part) => part.text)
    .join("\n\n");

/** Add a record, unless it was added before. */
export function applyRecord(answer, record) {
  const [segment, seq] = answer.cursor;
  if (record.seq != null) {
    const isKnown = record.segment < segment || (record.segment === segment && record.seq <= seq);
    if (isKnown) return;
    answer.cursor = [record.segment, record.seq];
  }
  EVENTS[record.event.type]?.(target(answer, record), record.event, answer, record.at);
  answer.version += 1;
}

/** The answer that a record belongs to: this one, or a nested one inside a call. */
function target(answer, record) {
  if (!record.call_id) return answer;
  const call = answer.calls.get(record.call_id);
  if (!call) return answer;
  if (!call.run) {
    call.run = newAnswer(record.run_id, call.name);
    call.run.calls = answer.calls;
    call.run.repairs = answer.repairs;
  }
  return call.run;
}

const EVENTS = {
  run_started(answer) {
    answer.status = "running";
    answer.approvals = [];
    answer.openTurn = answer.parts.length;
  },
  run_resumed(answer, event) {
    answer.status = "running";
    answer.parts.length = answer.openTurn; // what an unfinished turn wrote is written again
    if (event.life > 1) {
      note(answer, "info", "Another worker took over. The unfinished turn was made again.");
    }
    answer.openTurn = answer.parts.length;
  },
  turn_started(answer) {
    answer.status = "running";
    answer.openTurn = answer.parts.length;
  },
  text_received: (answer, event) => append(answer, "text", event.text),
  reasoning_received: (answer, event) => append(answer, "reasoning", event.text),
  text_reclassified(answer, event) {
    answer.parts.length = answer.openTurn;
    append(answer, "reasoning", event.text);
  },
  answer_repaired(answer, { repair }, root) {
    if (repair.call_id) {
      const known = root.repairs.get(repair.call_id) || [];
      root.repairs.set(repair.call_id, [...known, repair]);
      const call = root.calls.get(repair.call_id);
      if (call) call.repairs = root.repairs.get(repair.call_id);
    } else {
      answer.parts.push({ kind: "repair", repair });
    }
  },
  output_rejected: (answer, event) =>
    note(answer, "wait", `The answer did not have the form that was asked for. ${event.reason}`),
  model_retried: (answer, event) =>
    note(answer, "wait", `${sentence(event.error)} Tried again after ${event.wait_seconds} s.`),
  model_failed_over(answer, { failure }, root) {
    root.providers += 1;
    note(answer, "wait", `${failure.model} failed. ${sentence(failure.error)} The next was asked.`);
  },
  request_delayed: (answer, event) =>
    note(answer, "wait", `Waited ${event.wait_seconds.toFixed(1)} s for a rate limit.`),
  connection_awaited: (answer, event) =>
    note(answer, "wait", `Waited until one of ${event.max_connections} connections was free.`),
  context_trimmed(answer, event) {
    const count = event.dropped_messages;
    note(answer, "info", `Older messages are no longer sent to the model (${count}).`);
  },
  handed_off: (answer, event) => note(answer, "info", `${event.agent} goes on.`),
  model_responded(answer, event) {
    const { turn, provider, model, seconds, usage } = event;
    answer.exchanges.push({ turn, provider: provider || model || "", seconds, usage });
    addUnstreamed(answer, event.message);
    for (const call of event.message.tool_calls) answer.calls.delete(call.id);
    answer.openTurn = answer.parts.length;
  },
  tool_call_started: (answer, event, root) => addCall(answer, root, event),
  tool_call_rejected: (answer, event, root) => addCall(answer, root, event),
  tool_progressed(_, event, root) {
    const call = root.calls.get(event.call_id);
    if (call) call.progress = event;
  },
  tool_call_finished(_, event, root) {
    const call = root.calls.get(event.call.id);
    if (!call) return;
    call.state = event.result.is_error ? "failed" : "done";
    call.result = event.result;
    call.seconds = event.seconds;
    call.progress = null;
  },
  tool_result_truncated(_, event, root) {
    const call = root.calls.get(event.call_id);
    if (call) call.isCut = true;
  },
  approval_decided(answer, event, root, at) {
    answer.decided.add(event.call_id);
    answer.approvals = answer.approvals.filter((one) => one.id !== event.call_id);
    const { call_id: callId, verdict, decided_by: decidedBy, reason, arguments: given } = event;
    const decision = { callId, verdict, decidedBy, reason, at, isChanged: given != null };
    answer.parts.push({ kind: "decision", decision });
  },
  run_finished(answer, event) {
    answer.stopReason = event.stop_reason;
    const kept = { suspended: "suspended", cancelled: "cancelled" };
    answer.status = kept[event.stop_reason] || "done";
    if (answer.status === "cancelled") stopCalls(answer);
  },
  run_failed(answer, event) {
    answer.status = "failed";
    answer.error = event.error;
    stopCalls(answer);
  },
};

function stopCalls(answer) {
  answer.approvals = [];
  for (const call of answer.calls.values()) if (call.state === "running") call.state = "cancelled";
}

/** A run that does not stream reports its texts only at the end of an exchange. */
function addUnstreamed(answer, message) {
  const isStreamed = answer.parts.slice(answer.openTurn).some((part) => part.text);
  if (!isStreamed) addContent(answer, message);
}

function addContent(answer, message) {
  for (const block of message.content) {
    if (block.type === "text" && block.text) append(answer, "text", block.text);
    if (block.type === "reasoning" && block.text) append(answer, "reasoning", block.text);
  }
}

function addCall(answer, root, { call, result = null, type }) {
  const known = root.calls.get(call.id);
  if (known && known.state === "running" && !result) return;
  const part = {
    kind: "call",
    id: call.id,
    name: call.name,
    arguments: parseJson(call.arguments),
    state: type === "tool_call_rejected" ? "refused" : "running",
    repairs: root.repairs.get(call.id) || [],
    result,
    seconds: null,
    progress: null,
    isCut: false,
    run: null,
  };
  root.calls.set(call.id, part);
  answer.parts.push(part);
}

/** The value of a JSON text, or the text if it is not JSON. */
export function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function append(answer, kind, text) {
  const last = answer.parts.at(-1);
  if (last?.kind === kind && answer.parts.length > answer.openTurn) last.text += text;
  else answer.parts.push({ kind, text });
}

const note = (answer, tone, text) => answer.parts.push({ kind: "note", tone, text });
const sentence = (text) => (/[.!?]$/.test(text) ? text : `${text}.`);

/** An answer without records, of its stored messages: no times, no money, no repairs. */
export function answerOfMessages(entries, agent, openCalls) {
  const answer = newAnswer(null, agent);
  answer.status = "done";
  answer.size = entries.length;
  for (const { message } of entries) {
    answer.openTurn = answer.parts.length;
    if (message.role === "assistant") {
      addContent(answer, message);
      for (const call of message.tool_calls || []) {
        if (openCalls.some((one) => one.id === call.id)) {
          answer.approvals.push(call);
          answer.status = "suspended";
          continue;
        }
        addCall(answer, answer, { call, type: "tool_call_started" });
        answer.calls.get(call.id).state = "cancelled";
      }
      if (message.is_incomplete) answer.status = "cancelled";
    } else if (message.role === "tool") {
      const call = answer.calls.get(message.call_id);
      if (!call) continue;
      call.state = message.is_error ? "failed" : "done";
      call.result = message;
    }
  }
  return answer;
}

// ---- the tree of a conversation ----

// The turns up to `head`, each a question and the entries that answer it; and the id of the first
// entry that is there, if the server has earlier ones.
export function turnsTo(entries, head) {
  const path = [];
  for (let entry = entries.get(head); entry; entry = entries.get(entry.parent_id)) path.push(entry);
  const first = path.at(-1);
  const turns = [];
  for (const entry of path.reverse()) {
    if (entry.message.role === "user") turns.push({ question: entry, answers: [] });
    else if (turns.length) turns.at(-1).answers.push(entry);
    else if (entry.message.role === "assistant") turns.push({ question: null, answers: [entry] });
  }
  return [turns, first?.parent_id && first.id];
}

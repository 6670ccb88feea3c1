// The server, as the page needs it. Paths are relative, so that the service can be mounted anywhere.
import { stored } from "./format.js";

const IDLE_MILLISECONDS = 25000; // without any bytes, pings included, a connection counts as lost

/** What the server refused, or why it could not be asked (`status` 0). */
export class ApiError extends Error {
  constructor(message, { status = 0, code = "", retryAfter = 0 } = {}) {
    super(message);
    Object.assign(this, { status, code, retryAfter });
  }

  /** A sentence for people. */
  get sentence() {
    const wait = `Try again in ${this.retryAfter || 5} s.`;
    if (this.status === 0) return "The server cannot be reached. Your text is kept.";
    if (this.code === "insufficient_quota") return "The budget for today is spent.";
    if (this.status === 429) return `Too many requests. ${wait}`;
    if (this.status === 503) return `The server is busy. ${wait}`;
    return this.message;
  }
}

// The token is in memory and for this tab only: never in an address, never kept by the browser.
let token = stored("sessionStorage", "agentkit.token");
let onRefused = () => {};

async function request(path, { method = "GET", body, signal } = {}) {
  const headers = {};
  if (token) headers.authorization = `Bearer ${token}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    const text = body === undefined ? undefined : JSON.stringify(body);
    response = await fetch(path, { method, headers, body: text, signal, cache: "no-store" });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError("The server cannot be reached.");
  }
  if (response.ok) return response;
  const found = await response.json().catch(() => ({}));
  const retryAfter = Number(response.headers.get("retry-after")) || 0;
  const { message = `The server answered ${response.status}.`, code } = found.error || {};
  const error = new ApiError(message, { status: response.status, code, retryAfter });
  if (error.status === 401) onRefused(Boolean(token));
  throw error;
}

const json = async (path, options) => {
  const response = await request(path, options);
  return response.status === 204 ? null : response.json();
};
const post = (path, body = {}) => json(path, { method: "POST", body });
const part = encodeURIComponent;
const page = (name, place) => `?limit=60${place ? `&${name}=${part(place)}` : ""}`;

export const api = {
  /** Call `callback` with whether a token was given when the server asks for one. */
  whenRefused(callback) {
    onRefused = callback;
  },

  signIn(given) {
    token = given;
    stored("sessionStorage", "agentkit.token", given);
  },

  agents: async () => (await json("agents")).agents,
  sessions: (after) => json(`sessions${page("after", after)}`),
  runs: async () => (await json("runs?limit=200")).runs,
  search: async (words) => (await json(`sessions/search?limit=50&q=${part(words)}`)).hits,
  session: (id, before) => json(`sessions/${part(id)}${page("before", before)}`),
  create: (agent) => post("sessions", { agent }),
  rename: (id, title) => json(`sessions/${part(id)}`, { method: "PATCH", body: { title } }),
  remove: (id) => json(`sessions/${part(id)}`, { method: "DELETE" }),
  restore: (id) => json(`sessions/${part(id)}/restore`, { method: "POST" }),
  select: (id, entryId) => post(`sessions/${part(id)}/select${page()}`, { entry_id: entryId }),
  turn: (id, turn) => post(`sessions/${part(id)}/turns`, turn),
  say: (id, decisions) => post(`sessions/${part(id)}/messages`, { decisions }),
  run: (id) => json(`runs/${part(id)}`),
  cancel: (id) => json(`runs/${part(id)}/cancel`, { method: "POST" }),
  decide: (id, decision) => post(`runs/${part(id)}/decisions`, { decisions: [decision] }),
  explanation: async (id) => (await request(`runs/${part(id)}/explain`)).text(),

  /** Yield the records of a run after a place; return at the end of the stream. */
  async *records(id, [segment, seq], signal) {
    const after = segment ? `?after=${segment}:${seq}` : "";
    const response = await request(`runs/${part(id)}/events${after}`, { signal });
    if (response.status === 204) return;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    try {
      let rest = "";
      for (;;) {
        const { value, done } = await inTime(reader.read());
        if (done) return;
        const frames = (rest + value).split("\n\n");
        rest = frames.pop();
        for (const frame of frames) {
          const record = readFrame(frame);
          if (record) yield record;
        }
      }
    } finally {
      reader.cancel().catch(() => {});
    }
  },
};

/** The record of one event; null for a ping. */
function readFrame(frame) {
  const lines = frame.split("\n");
  if (lines.includes("event: error")) throw new ApiError("The server ended the stream.");
  const data = lines.filter((line) => line.startsWith("data: ")).map((line) => line.slice(6));
  return data.length ? JSON.parse(data.join("\n")) : null;
}

function inTime(promise) {
  let timer;
  const late = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new ApiError("Nothing arrives.")), IDLE_MILLISECONDS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

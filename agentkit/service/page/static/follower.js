// Follows a run: what is stored, then what comes; a new connection after a break.
import { api } from "./api.js";
import { spoken } from "./markdown.js";
import { applyRecord, hasEnded, isLive, isOver, textOf } from "./records.js";

const FIRST_WAIT = 2000;
const LONGEST_WAIT = 30000;
const BETWEEN_CHANGES = 33;
const ENDS_OF_SENTENCES = [". ", "! ", "? ", ":\n", "\n\n"];

/** Changes one answer, and calls `onChange` at most 30 times a second, also in a hidden tab. */
export class Follower {
  constructor(answer, { onChange, onSentence, onEnd }) {
    Object.assign(this, { answer, onChange, onSentence, onEnd });
    this.isLost = false;
    this.retryAt = 0;
    this.timer = 0;
    this.spokenLength = null; // text that was there before is not read aloud
    this.leaving = new AbortController();
    this.tryNow = () => {};
    this.wake = () => document.visibilityState === "visible" && this.tryNow();
  }

  async follow() {
    const { signal } = this.leaving;
    addEventListener("online", this.wake, { signal });
    document.addEventListener("visibilitychange", this.wake, { signal });
    let wait = FIRST_WAIT;
    while (!signal.aborted) {
      try {
        const { runId, cursor } = this.answer;
        for await (const record of api.records(runId, cursor, signal)) {
          wait = FIRST_WAIT;
          this.connected();
          applyRecord(this.answer, record);
          if (this.answer.status === "suspended") await this.readApprovals();
          this.changed();
        }
        if (hasEnded(this.answer)) break;
        if (await this.isOver()) break;
      } catch (error) {
        if (signal.aborted) return;
        if (error.status === 404 || error.status === 401) break;
      }
      await this.pause(wait + Math.random() * 1000);
      wait = Math.min(2 * wait, LONGEST_WAIT);
    }
    if (signal.aborted) return;
    this.leaving.abort();
    this.connected();
    this.speak(true);
    this.onChange();
    this.onEnd();
  }

  /** Return whether the run has ended without a last record, e.g. because it was never stored. */
  async isOver() {
    const run = await api.run(this.answer.runId);
    if (!isOver(run.status)) return false;
    this.answer.status = run.status === "dead" ? "failed" : run.status;
    this.answer.error = run.error;
    this.answer.version += 1;
    return true;
  }

  async readApprovals() {
    const run = await api.run(this.answer.runId);
    if (run.status !== "suspended") return;
    this.answer.approvals = run.open_calls.filter((call) => !this.answer.decided.has(call.id));
    this.answer.version += 1;
  }

  connected() {
    if (!this.isLost) return;
    this.isLost = false;
    this.onSentence("Connected again.");
    this.changed();
  }

  async pause(milliseconds) {
    this.isLost = true;
    this.retryAt = Date.now() + milliseconds;
    this.changed();
    await new Promise((go) => {
      const timer = setTimeout(go, milliseconds);
      this.tryNow = () => {
        clearTimeout(timer);
        go();
      };
    });
    this.tryNow = () => {};
  }

  changed() {
    this.timer ||= setTimeout(() => {
      this.timer = 0;
      this.speak(false);
      this.onChange();
    }, BETWEEN_CHANGES);
  }

  /** Read complete sentences to those who hear the page. */
  speak(isEnd) {
    const text = textOf(this.answer);
    if (this.spokenLength === null) {
      this.spokenLength = isLive(this.answer) ? 0 : text.length;
    }
    const rest = text.slice(this.spokenLength);
    const ends = ENDS_OF_SENTENCES.map((end) => rest.lastIndexOf(end) + end.length);
    const length = isEnd
      ? rest.length
      : Math.max(0, ...ends.filter((end, at) => end >= ENDS_OF_SENTENCES[at].length));
    if (length <= 0) return;
    this.spokenLength += length;
    const words = spoken(rest.slice(0, length));
    if (words) this.onSentence(words);
  }

  end() {
    this.leaving.abort();
    this.tryNow();
    clearTimeout(this.timer);
  }
}

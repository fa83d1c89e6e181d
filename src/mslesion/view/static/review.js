// Decisions on the lesions of one scan: made, undone, and saved one after the other.

import { change, getJson } from "./dom.js";

const WAIT_MS = 300;

export class Review {
  /** onChange is called after every change, of decisions or of what is saved. */
  constructor(detail, onChange) {
    this.path = `/api/scans/${detail.id}`;
    this.summary = detail.summary_sha256;
    this.onChange = onChange;
    this.history = [];
    this.pending = new Map();
    this.replacesEarlier = false;
    this.status = "";
    this.failure = null;
    this.note = null;
    this.saving = null;
    this.#adopt(detail.review);
    if (detail.review.state === "resumed") this.status = "Resumed";
    if (detail.review.state === "unfinished" && !this.problem) this.#later(Object.entries(this.decisions));
  }

  #adopt({ state, decisions, revision, problem }) {
    this.state = state;
    this.decisions = { ...decisions };
    this.revision = revision;
    this.problem = problem;
  }

  get isOpen() {
    return !this.problem && !(this.state === "earlier" && !this.replacesEarlier);
  }

  get isUnsaved() {
    return this.pending.size > 0 || this.saving !== null;
  }

  get ids() {
    return Object.keys(this.decisions).map(Number);
  }

  with(decision) {
    return this.ids.filter((id) => this.decisions[id] === decision);
  }

  /** The next lesion after this one that is undecided, from the top again at the end; or null. */
  nextUndecided(after) {
    const undecided = this.with("undecided");
    return undecided.find((id) => id > (after ?? 0)) ?? undecided.find((id) => id !== after) ?? null;
  }

  /** Decide on lesions, as one step that can be undone. */
  decide(ids, decision) {
    const changed = ids.filter((id) => this.decisions[id] !== decision);
    if (!this.isOpen || changed.length === 0) return;
    this.history.push(changed.map((id) => [id, this.decisions[id]]));
    this.#set(changed.map((id) => [id, decision]));
  }

  /** Take the last step back; gives the lesions that it was about. */
  undo() {
    const step = this.isOpen ? this.history.pop() : undefined;
    if (step) this.#set(step);
    return step ? step.map(([id]) => id) : [];
  }

  #set(pairs) {
    for (const [id, decision] of pairs) this.decisions[id] = decision;
    this.#later(pairs);
  }

  #later(pairs) {
    for (const [id, decision] of pairs) this.pending.set(Number(id), decision);
    this.status = "Not saved yet";
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), WAIT_MS);
    this.onChange();
  }

  /** Save what is pending, after what is being saved; gives whether all is saved. */
  async save() {
    clearTimeout(this.timer);
    while (this.saving) await this.saving;
    if (this.pending.size === 0) return true;
    this.saving = this.#saveOnce();
    const isSaved = await this.saving;
    this.saving = null;
    this.onChange();
    return isSaved && (this.pending.size === 0 || this.save());
  }

  async #saveOnce() {
    const sent = this.pending;
    this.pending = new Map();
    this.status = "Saving…";
    this.onChange();
    try {
      const saved = await this.#send(sent);
      this.#settle(saved);
      this.status = "Saved";
      this.failure = null;
      return true;
    } catch (error) {
      this.pending = new Map([...sent, ...this.pending]);
      this.status = "Not saved";
      this.failure = error.message;
      return false;
    }
  }

  async #send(sent, isSecond = false) {
    const request = {
      decisions: this.decisions, revision: this.revision, replace_earlier: this.replacesEarlier,
    };
    try {
      return await change("PUT", `${this.path}/review`, request);
    } catch (error) {
      if (error.status !== 409 || isSecond) throw error;
      await this.#merge(sent);
      return this.#send(sent, true);
    }
  }

  /** Another viewer saved meanwhile: its decisions, and on top of them those made here since. */
  async #merge(sent) {
    const detail = await getJson(this.path);
    if (detail.summary_sha256 !== this.summary) {
      throw new Error("The scan was detected again meanwhile. Reload the page to see what was found");
    }
    this.#adopt(detail.review);
    this.history = [];
    for (const [id, decision] of [...sent, ...this.pending]) this.decisions[id] = decision;
    this.note = "Another viewer saved decisions on this scan meanwhile: both its and yours were kept.";
  }

  /** Take from an answer what may have changed, and keep what was decided since it was asked. */
  #settle({ state, revision, problem }) {
    Object.assign(this, { state, revision, problem });
    this.replacesEarlier = false;
  }

  /** Begin anew where a review of an earlier detection lies. */
  replaceEarlier() {
    this.replacesEarlier = true;
    this.onChange();
  }

  /** Take the files of the review away, and begin anew. */
  async discard() {
    clearTimeout(this.timer);
    while (this.saving) await this.saving;
    try {
      this.#adopt(await change("DELETE", `${this.path}/review`, { revision: this.revision }));
      this.pending.clear();
      this.history = [];
      this.status = "Discarded";
      this.failure = null;
    } catch (error) {
      this.failure = error.message;
    }
    this.onChange();
  }
}

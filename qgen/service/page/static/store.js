// What is the user's: changed, kept over a reload, and taken back step by step.

const KEPT = 50; // steps that can be undone

/** What a step changes, where it does not put in another text: what was typed since stays. */
const undoable = ({ questions, passages, atLeast }) => ({ questions, passages, atLeast });

export class Store {
  /** A question has its span of the text besides what is edited of it. */
  state = {
    text: "", note: "", // the text, and where it is from
    passages: [], // what the questions are about
    marked: false, // whether these are the paragraphs of the text as it stands
    questions: [], view: "edit", atLeast: 0,
  }; // prettier-ignore
  #history = [];
  #nextId = 1;

  /**
   * @param form the settings, which are kept too.
   * @param draw is called after a change.
   * @param toast tells what a step has done, so that it can be taken back.
   */
  constructor(form, draw, toast) {
    Object.assign(this, { form, draw, toast });
  }

  save() {
    const kept = { state: this.state, settings: this.form.chosen(), nextId: this.#nextId };
    try {
      sessionStorage.setItem("qgen", JSON.stringify(kept));
    } catch {
      // Too much, or not allowed: the page works without.
    }
  }

  /** Takes up what was kept. */
  restore() {
    const kept = JSON.parse(sessionStorage.getItem("qgen") ?? "null");
    if (!kept) return;
    this.state = { ...this.state, ...kept.state };
    this.#nextId = kept.nextId;
    this.form.restore(kept.settings);
  }

  /** A change that is on the screen already. */
  note(changes) {
    this.state = { ...this.state, ...changes };
    this.save();
  }

  update(changes) {
    this.note(changes);
    this.draw();
  }

  /** Notes what undo goes back to, and tells what has been done since. */
  remember(said, before = undoable(this.state)) {
    this.#history = [...this.#history, before].slice(-KEPT);
    this.toast(said);
  }

  /** A change that can be taken back. */
  step(changes, said) {
    this.remember(said);
    this.update(changes);
  }

  /** @returns the id of a question that it has brought back or changed, if any. */
  undo() {
    const before = this.#history.pop();
    if (!before) return undefined;
    const { questions, passages, marked } = this.state;
    this.update({ marked: marked && passages === before.passages, ...before });
    this.toast(null);
    return before.questions.find((q) => !questions.includes(q))?.id;
  }

  newId() {
    return this.#nextId++;
  }

  question(id) {
    return this.state.questions.find((q) => q.id === id);
  }

  /** The questions, of which one is changed. */
  changed(id, changes) {
    return this.state.questions.map((q) => (q.id === id ? { ...q, ...changes } : q));
  }

  /** The questions that are not hidden as less sure. */
  shown() {
    return this.state.questions.filter((q) => (q.confidence ?? 1) >= this.state.atLeast);
  }

  /** Those that are exported and printed: the kept ones, where there are any. */
  exported() {
    const kept = this.shown().filter((q) => q.kept);
    return kept.length ? kept : this.shown();
  }
}

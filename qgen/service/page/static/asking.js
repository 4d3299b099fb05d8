// Asking for questions: about a whole text, for one answer, and for one in other words.
import { Refusal, questions as ask } from "./client.js";
import { plural } from "./dom.js";
import { served } from "./server.js";
import { joined, placeOf } from "./text.js";

const AHEAD = 3; // requests on their way at once: the browser has six connections
const SECONDS = 10; // that one may take, as far as it can be told: the service ends what takes too long

/** Reasons of several paragraphs, such as "2 repeating another question", with their numbers added up. */
const summed = (reasons) => {
  const counts = new Map();
  for (const reason of reasons.flatMap((one) => one.split(/; |, (?=\d+ )/))) {
    const [, number, why] = reason.match(/^(\d+) (.+)$/) ?? [null, 0, reason];
    counts.set(why, (counts.get(why) ?? 0) + Number(number));
  }
  return [...counts].map(([why, count]) => (count ? `${count} ${why}` : why)).join("; ");
};

export class Asker {
  #running = null; // an AbortController
  #done = null; // a promise of what was running last
  #rewording = new Set(); // ids of questions that are asked in other words

  /**
   * @param find looks an element of the page up.
   * @param setup {schema, near} of the service.
   * @param says {tell, toast, attempt}: see `notices`.
   */
  constructor(find, setup, form, store, says) {
    Object.assign(this, { find, setup, form, store, says });
  }

  get busy() {
    return Boolean(this.#running);
  }

  /** Ends what is running. */
  async stop() {
    this.#running?.abort();
    await this.#done;
  }

  /** Asks about the whole text; the questions show as they come, and then the best of them. */
  generate() {
    const { tell } = this.says;
    return this.#work(async (signal) => {
      if (!this.store.state.text.trim())
        throw new Refusal("Put a text in first, or try one of the samples.");
      tell("Reading the text …");
      const { passages } = await this.#paragraphs(signal);
      const settings = this.form.chosen();
      const count = this.form.value("max_answers");
      const each = await served("share", {
        settings: { ...settings, max_answers: count }, headings: passages.map((p) => p.headings ?? []),
      }, signal); // prettier-ignore
      tell(`Reading ${plural(passages.length, "paragraph")} …`);
      const { all, reasons } = await this.#replacing(() =>
        this.#askAll(passages, { ...settings, ...each }, signal),
      );
      if (!all.length) throw new Refusal(reasons.find(Boolean) ?? "no question could be asked");
      const { chosen } = await served("choose", { questions: all, count }, signal);
      this.store.update({ questions: chosen.map((i) => all[i]) });
      const dropped = summed(reasons);
      tell(`${plural(chosen.length, "question")}${dropped ? `; dropped: ${dropped}` : ""}`);
    });
  }

  /** Does what puts other questions in the place of those that are there, as far as it comes. */
  async #replacing(work) {
    const { questions, passages, atLeast } = this.store.state;
    try {
      return await work();
    } finally {
      if (questions.length && this.store.state.questions !== questions)
        this.store.remember(`${plural(questions.length, "question")} replaced.`, { questions, passages, atLeast });
    }
  }

  /**
   * Asks for one answer; the new question comes where its answer stands in the text.
   * @param selected {answer, before, after} of the text, or {answer, passage, start} of its paragraphs.
   * @returns its id, or null.
   */
  askFor(selected) {
    const { tell } = this.says;
    return this.#work(async (signal) => {
      tell("Asking …");
      const { passages, gone } = await this.#paragraphs(signal);
      const place = selected.passage === undefined ? placeOf(selected, passages) : selected;
      if (!place) throw new Refusal("This part of the text is left out as no prose; select another.");
      const { passage, start } = place;
      const { results } = await ask(
        { ...this.form.chosen(), passages: [this.#sent(passage, [{ text: place.answer, start }])] },
        { signal, waiting: tell },
      );
      const made = results[0].questions.map((one) => this.received(passage, one));
      if (!made.length) throw new Refusal(results[0].reason || results[0].problems.join("; "));
      const list = [...this.store.state.questions];
      const at = list.findIndex(
        (q) => q.passage > passage || (q.passage === passage && q.start > start),
      );
      list.splice(at < 0 ? list.length : at, 0, ...made);
      if (!gone) this.store.remember("Question added.");
      this.store.update({ questions: list, view: "edit", atLeast: 0 });
      tell(`Asked about “${place.answer}”`);
      return made[0].id;
    });
  }

  /** Asks another question for the answer of one that is there. */
  async another(id) {
    const { store } = this;
    const toast = (problem) => this.says.toast(problem, false); // the card may be far from the form
    const question = store.question(id);
    if (this.isRewording(id)) return; // the button stays enabled, or it would lose the focus
    this.#rewording.add(id);
    store.update({});
    await this.says.attempt(async () => {
      const made = await this.#inOtherWords(question);
      const now = store.question(id);
      if (!now) return; // deleted meanwhile
      const fresh = { ...this.received(now.passage, made), id, kept: now.kept, asked: [...now.asked, made.question] };
      const { [id]: _, ...taken } = store.state.taken; // that was an answer to the other one
      store.step({ questions: store.changed(id, fresh), taken }, "Asked in other words.");
    }, toast);
    this.#rewording.delete(id);
    store.update({});
  }

  isRewording(id) {
    return this.#rewording.has(id);
  }

  async #inOtherWords(question) {
    const chosen = this.form.chosen();
    const most = this.setup.schema.$defs?.Decoding?.properties?.num_beams?.maximum ?? 10;
    const { results } = await ask(
      {
        ...chosen,
        passages: [this.#sent(question.passage, [{ text: question.span, start: question.start }])],
        settings: { ...chosen.settings, num_beams: most, num_return_sequences: most },
      },
      { waiting: this.says.tell },
    );
    const asked = question.asked.map((one) => one.toLowerCase());
    const made = results[0].questions.find((one) => !asked.includes(one.question.toLowerCase()));
    if (!made) throw new Refusal(`No other question for “${question.span}” is worth showing.`);
    return made;
  }

  /** Does one thing at a time; gives what comes of it, or null. */
  #work(job) {
    if (!this.busy) this.#done = this.#run(job);
    return this.#done;
  }

  async #run(job) {
    this.#running = new AbortController();
    this.began = performance.now();
    this.#drawRunning();
    const result = await this.says.attempt(() => job(this.#running.signal));
    this.#running = null;
    this.#drawRunning();
    this.store.update({});
    return result;
  }

  #drawRunning() {
    const buttons = ["#generate", "#stop"].map(this.find);
    const [hidden, shown] = this.busy ? buttons : buttons.reverse();
    const focused = document.activeElement === hidden;
    hidden.hidden = true;
    shown.hidden = false;
    if (focused) shown.focus({ preventScroll: true });
    this.find("#asking").hidden = !this.busy;
    if (!this.busy) this.find("#asking").removeAttribute("value");
    // What is still coming in cannot be edited yet, nor taken back.
    this.find("#cards").inert = this.find("#undo").disabled = this.busy;
  }

  /** The paragraphs of the text as it stands; what no longer stands in it is cleared. */
  async #paragraphs(signal) {
    const store = this.store;
    const { passages: known, marked, text } = store.state;
    if (!marked && text === joined(known)) store.update({ marked: true }); // opened, and not edited
    if (store.state.marked) return { passages: known, gone: 0 };
    const { passages: found, left_out: left } = await served("paragraphs", text, signal);
    const headings = new Map(known.map((one) => [one.text, one.headings]));
    const passages = found.map((one) => ({ ...one, headings: headings.get(one.text) ?? one.headings }));
    if (!passages.length) throw new Refusal("There is no English prose in the text.");
    const places = new Map(passages.map((passage, i) => [passage.text, i]));
    const place = (q) => places.get(known[q.passage].text);
    const standing = store.state.questions
      .filter((q) => place(q) !== undefined)
      .map((q) => ({ ...q, passage: place(q) }));
    const gone = store.state.questions.length - standing.length;
    const note = left ? `${plural(passages.length, "paragraph")}; left out: ${left}` : store.state.note;
    const isStill = store.state.text === text; // or it was edited meanwhile
    const changes = { passages, questions: standing, marked: isStill, note };
    if (gone) store.step(changes, `${plural(gone, "question")} went with the text that was taken out.`);
    else store.update(changes);
    return { passages, gone };
  }

  /**
   * Asks about paragraphs, as many at a time as the last ones were quick, and shows what has come so
   * far, which stays whatever happens; gives all of it.
   */
  async #askAll(passages, settings, signal) {
    const { tell } = this.says;
    const bar = this.find("#asking");
    const found = passages.map(() => []);
    const reasons = [];
    const most = Math.min(8, Math.ceil(passages.length / 12));
    let size = 1; // until it is known how long one takes
    let next = 0;
    let done = 0;
    const show = () =>
      this.store.update({ questions: found.flat().map((made) => ({ ...made })), view: "edit", atLeast: 0 });
    const askPart = async (first, count) => {
      const began = performance.now();
      const numbers = Array.from({ length: count }, (_, i) => first + i);
      let answer;
      try {
        answer = await ask({ ...settings, passages: numbers.map((n) => this.#sent(n)) }, { signal, waiting: tell });
      } catch (error) {
        if (![413, 504].includes(error.status) || count === 1) throw error;
        size = 1;
        for (const n of numbers) await askPart(n, 1); // it was too much at once
        return;
      }
      answer.results.forEach((result, i) => {
        found[first + i] = result.questions.map((made) => this.received(first + i, made));
        if (result.reason) reasons.push(result.reason);
      });
      const fitting = Math.floor((1000 * SECONDS * count) / (performance.now() - began));
      size = Math.max(1, Math.min(most, 2 * count, fitting)); // short ones say little of long ones
      done += count;
      Object.assign(bar, { max: passages.length, value: done });
      tell(`Read ${done} of ${plural(passages.length, "paragraph")} …`);
      if (found.flat().length) show();
    };
    const worker = async () => {
      while (next < passages.length) {
        const first = next;
        next = Math.min(first + size, passages.length);
        await askPart(first, next - first);
      }
    };
    bar.removeAttribute("value");
    const workers = Array.from({ length: AHEAD }, worker);
    try {
      await Promise.all(workers);
    } catch (error) {
      this.#running.abort(); // the other requests are not needed
      await Promise.allSettled(workers);
      if (error instanceof Refusal && done)
        error.message += `; ${done} of ${plural(passages.length, "paragraph")} were read`;
      throw error;
    }
    return { all: found.flat(), reasons };
  }

  /** A passage as the service takes it; for wrong answers with those round it in the text. */
  #sent(passage, answers = []) {
    const { passages } = this.store.state;
    const { text, headings = [] } = passages[passage];
    const { choices, types } = this.form.chosen();
    const near = passages.slice(Math.max(0, passage - this.setup.near), passage + this.setup.near + 1);
    const beside = choices || types ? near.map((one) => one.text).filter((one) => one !== text) : [];
    return { passage: text, answers, headings, beside };
  }

  received(passage, made) {
    return {
      ...made, id: this.store.newId(), passage, span: made.answer, start: made.answer_start,
      choices: made.choices ?? [], asked: [made.question], kept: false,
    }; // prettier-ignore
  }
}

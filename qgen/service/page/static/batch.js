// A whole file at once: a client of `/v1/batches`.
import { Refusal, address, call, lines, pause } from "./client.js";
import { h } from "./dom.js";
import { removing, stored, storing } from "./storage.js";

const KEY = "qgen-batch"; // in this tab's storage, for a reload: the id of what was run last
const GRACE = 5; // seconds in which the answer may still come to what is cancelled while it is sent
const TRIES = 5; // while the service cannot be reached, about a batch that goes on there

/** What is asked of the service, which a network that is gone for a while does not end. */
const patiently = async (ask) => {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (error.status !== 0 || tries === TRIES) throw error;
      await pause(tries);
    }
  }
};

/**
 * @param find looks an element of the page up.
 * @param chosen gives the settings that are not the defaults.
 * @returns how a file is chosen that was dropped on the page.
 */
export const batchPanel = (find, chosen) => {
  const [rows, name, format] = ["#rows", "#rows-name", "#batch-format"].map(find);
  const [run, cancel, progress, bar, files] = [
    "#run-batch", "#cancel-batch", "#progress", "#batch-progress", "#files",
  ].map(find); // prettier-ignore
  let file = null;
  let running = null; // its id
  let starting = null; // an AbortController, of what has no id yet
  let last = null; // the id of what was run last, and whose files are shown
  let lost = false; // whether it may go on, but the service could not be reached

  const choose = (given) => {
    file = given;
    name.textContent = given.name;
    if (run.disabled) return; // what is said is of the one that is running
    files.replaceChildren();
    tell("");
  };
  const tell = (text, bad = false) => {
    progress.textContent = text;
    progress.classList.toggle("bad", bad);
  };
  const busy = (on) => {
    const focused = document.activeElement === cancel;
    run.disabled = on;
    cancel.hidden = bar.hidden = !on;
    if (focused) run.focus();
    if (on) bar.removeAttribute("value");
  };
  const remember = (id) => {
    last = id;
    storing("sessionStorage", KEY, id);
  };
  const forget = () => {
    last = null;
    removing("sessionStorage", KEY);
    files.replaceChildren();
  };
  const stop = ({ id }) =>
    patiently(() => call(`v1/batches/${id}`, { method: "DELETE" })).catch(() => {});
  /** How far a batch is; one that the service no longer knows is forgotten. */
  const look = (id, options) =>
    patiently(() => call(`v1/batches/${id}`, options)).catch((error) => {
      if (error.status !== 404) throw error;
      if (last === id) {
        const areShown = files.hasChildNodes();
        forget();
        if (areShown) tell("");
      }
      return null;
    });
  const follow = async (batch) => {
    while (["queued", "running"].includes(batch.state)) {
      if (batch.total) Object.assign(bar, { max: batch.total, value: batch.rows });
      tell(batch.total ? `${batch.rows} of ${batch.total} rows` : "Reading the file …");
      await pause(0.3);
      batch = await patiently(() => call(`v1/batches/${batch.id}`));
    }
    return batch;
  };
  const show = async ({ id, questions, message, left_out: left }) => {
    const bad = await patiently(() => lines(`v1/batches/${id}/errors`));
    const link = (part, text) =>
      h("li", {}, h("a", { href: address(`v1/batches/${id}/${part}`), download: "" }, text));
    tell(questions ? message : `No questions were written: ${message}`, !questions);
    files.replaceChildren(
      ...(questions ? [link("result", `The questions (${questions})`)] : []),
      ...(bad.length ? [link("errors", "The rows that failed, and why")] : []),
      ...bad.slice(0, 3).map(({ line, error }) => h("li", { class: "bad" }, `Row ${line}: ${error}`)),
      ...(bad.length > 3 ? [h("li", { class: "bad" }, `… and ${bad.length - 3} more`)] : []),
      ...left.map((line) => h("li", {}, line)),
    );
  };
  /**
   * Follows a batch to its end and shows what came of it.
   * @param begin gives it, or nothing; it gets a signal that ends it.
   * @param id of it, where it was begun before.
   */
  const work = async (begin, id = null) => {
    running = id;
    starting = new AbortController();
    lost = false;
    busy(true);
    try {
      const begun = await begin(starting.signal);
      if (!begun) return tell("");
      running = begun.id;
      const batch = await follow(begun);
      if (batch.state === "done") await show(batch);
      else tell(batch.message || `The batch was ${batch.state}.`, batch.state === "failed");
    } catch (error) {
      if (error.name === "AbortError") return tell("The batch was cancelled.");
      if (!(error instanceof Refusal)) throw error;
      if (running && error.status === 404) forget();
      else lost = running !== null;
      tell(error.message, true);
    } finally {
      running = null;
      busy(false);
    }
  };

  rows.addEventListener("change", () => {
    if (rows.files[0]) choose(rows.files[0]);
    rows.value = ""; // or the same one could not be chosen again
  });
  cancel.addEventListener("click", () => {
    if (running) stop({ id: running });
    else starting.abort();
  });
  run.addEventListener("click", () => {
    if (!file) return tell("Choose a file first.", true);
    const body = new FormData();
    body.append("file", file);
    body.append("format", format.value);
    const { settings = {}, ...quiz } = chosen();
    for (const [name, value] of Object.entries({ ...quiz, ...settings }))
      [value].flat().forEach((one) => body.append(name, one)); // a form has no lists
    forget();
    tell("Sending the file …");
    return work(async (signal) => {
      await file.slice(0, 1).arrayBuffer().catch(() => {
        throw new Refusal(`${file.name} was changed or moved; choose it again`);
      }); // prettier-ignore
      signal.throwIfAborted();
      const sending = new AbortController();
      const waiting = (said) => {
        signal.throwIfAborted(); // the file is not sent again
        tell(said);
      };
      const sent = call("v1/batches", { method: "POST", body, signal: sending.signal, waiting });
      const started = await new Promise((resolve, reject) => {
        sent.then(resolve, reject);
        signal.addEventListener("abort", () => {
          reject(signal.reason);
          sent.then(stop).catch(() => {}); // it was accepted at this very moment
          setTimeout(() => sending.abort(), 1000 * GRACE);
        });
      });
      remember(started.id);
      return started;
    });
  });
  // The links of a tab that is looked at again another day may lead nowhere by now; and what could
  // not be followed any more may be reached again.
  const lookAgain = () => {
    if (document.hidden || !last || run.disabled) return;
    if (lost) work(() => patiently(() => call(`v1/batches/${last}`, { waiting: tell })), last);
    else look(last).catch(() => {});
  };
  document.addEventListener("visibilitychange", lookAgain);
  addEventListener("online", lookAgain);

  last = stored("sessionStorage", KEY);
  if (last) {
    tell("Looking for the last batch …");
    work(() => look(last, { waiting: tell }), last);
  }
  return choose;
};

// A whole file at once: a client of `/v1/batches`.
import { Refusal, address, call, lines } from "./client.js";
import { h } from "./dom.js";
import { removing, stored, storing } from "./storage.js";

const KEY = "qgen-batch"; // in this tab's storage, for a reload: the id of what was run last

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
  let last = null; // the id of what was run last, and whose files are shown

  const choose = (given) => {
    file = given;
    name.textContent = given ? given.name : "Choose a file";
    progress.textContent = "";
  };
  const tell = (text, bad = false) => {
    progress.textContent = text;
    progress.classList.toggle("bad", bad);
  };
  const busy = (on) => {
    run.disabled = on;
    cancel.hidden = bar.hidden = !on;
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
  /** How far a batch is; one that the service no longer knows is forgotten. */
  const look = (id) =>
    call(`v1/batches/${id}`).catch((error) => {
      if (error.status !== 404) throw error;
      if (last === id) {
        forget();
        tell("");
      }
      return null;
    });
  const follow = async (batch) => {
    while (["queued", "running"].includes(batch.state)) {
      if (batch.total) Object.assign(bar, { max: batch.total, value: batch.rows });
      tell(batch.total ? `${batch.rows} of ${batch.total} rows` : "Reading the file …");
      await new Promise((resolve) => setTimeout(resolve, 300));
      batch = await call(`v1/batches/${batch.id}`);
    }
    return batch;
  };
  const show = async ({ id, questions, message, left_out: left }) => {
    const bad = await lines(`v1/batches/${id}/errors`);
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
  /** Follows a batch to its end and shows what came of it. */
  const work = async (begin) => {
    busy(true);
    try {
      const begun = await begin();
      if (!begun) return;
      running = begun.id;
      const batch = await follow(begun);
      if (batch.state === "done") await show(batch);
      else tell(batch.message || `The batch was ${batch.state}.`, batch.state === "failed");
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (running && error.status === 404) forget();
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
    if (running) call(`v1/batches/${running}`, { method: "DELETE" }).catch(() => {});
  });
  run.addEventListener("click", () => {
    if (!file) return tell("Choose a file first.", true);
    const body = new FormData();
    body.append("file", file);
    body.append("format", format.value);
    const { settings = {}, ...quiz } = chosen();
    for (const [name, value] of Object.entries({ ...quiz, ...settings }))
      [value].flat().forEach((one) => body.append(name, one)); // a form has no lists
    files.replaceChildren();
    tell("Sending the file …");
    return work(async () => {
      await file.slice(0, 1).arrayBuffer().catch(() => {
        throw new Refusal(`${file.name} was changed or moved; choose it again`);
      }); // prettier-ignore
      const started = await call("v1/batches", { method: "POST", body, waiting: tell });
      remember(started.id);
      return started;
    });
  });
  // The links of a tab that is looked at again another day may lead nowhere by now.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && last && !run.disabled) look(last).catch(() => {});
  });

  last = stored("sessionStorage", KEY);
  if (last) {
    tell("Looking for the last batch …");
    work(() => look(last));
  }
  return choose;
};

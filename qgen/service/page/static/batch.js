// A whole file at once: a client of `/v1/batches`.
import { Refusal, address, call } from "./client.js";
import { h } from "./dom.js";

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
  let running = null;

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
  const follow = async (batch) => {
    while (["queued", "running"].includes(batch.state)) {
      if (batch.total) Object.assign(bar, { max: batch.total, value: batch.rows });
      tell(batch.total ? `${batch.rows} of ${batch.total} rows` : "Reading the file …");
      await new Promise((resolve) => setTimeout(resolve, 300));
      batch = await call(`v1/batches/${batch.id}`);
    }
    return batch;
  };
  const show = async (batch) => {
    const errors = await fetch(address(`v1/batches/${batch.id}/errors`));
    const bad = (await errors.text()).trim().split("\n").filter(Boolean);
    const link = (part, text) =>
      h("li", {}, h("a", { href: address(`v1/batches/${batch.id}/${part}`), download: "" }, text));
    files.replaceChildren(
      link("result", "The questions"),
      ...(bad.length ? [link("errors", "The rows that failed, and why")] : []),
      ...bad.slice(0, 3).map((told) => {
        const { line, error } = JSON.parse(told);
        return h("li", { class: "bad" }, `Row ${line}: ${error}`);
      }),
      ...(bad.length > 3 ? [h("li", { class: "bad" }, `… and ${bad.length - 3} more`)] : []),
    );
  };

  rows.addEventListener("change", () => choose(rows.files[0]));
  cancel.addEventListener("click", () => {
    if (running) call(`v1/batches/${running}`, { method: "DELETE" }).catch(() => {});
  });
  run.addEventListener("click", async () => {
    if (!file) return tell("Choose a file first.", true);
    const body = new FormData();
    body.append("file", file);
    body.append("format", format.value);
    const { settings = {}, ...quiz } = chosen();
    for (const [name, value] of Object.entries({ ...quiz, ...settings }))
      [value].flat().forEach((one) => body.append(name, one)); // a form has no lists
    files.replaceChildren();
    busy(true);
    tell("Sending the file …");
    try {
      const started = await call("v1/batches", { method: "POST", body, waiting: tell });
      running = started.id;
      const batch = await follow(started);
      const failed = batch.state !== "done";
      tell(batch.message || (failed ? `The batch was ${batch.state}.` : ""), batch.state === "failed");
      if (!failed) await show(batch);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      tell(error.message, true);
    } finally {
      running = null;
      busy(false);
    }
    return undefined;
  });
  return choose;
};

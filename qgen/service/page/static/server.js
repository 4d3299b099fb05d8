// What the service does for the page alone: the functions of Gradio's component.
import { Refusal } from "./client.js";

let connect;
const gradio = new Promise((resolve) => (connect = resolve));

/**
 * Called by Gradio's component once it is there: it takes the page over, which works already.
 * @param server the component's functions: paragraphs, read_upload, share, choose, export_quiz.
 * @param upload sends a file to the server.
 */
export const adopted = (component, server, upload) => {
  const page = document.querySelector("body > .qgen");
  const focused = document.activeElement;
  if (component.moveBefore) component.moveBefore(page, null);
  else component.append(page);
  if (page.contains(focused)) focused.focus({ preventScroll: true });
  connect({ server, upload });
};

/** What a function of the server gives, if the signal does not end it; what it objects to is thrown. */
export const served = async (name, argument, signal) => {
  signal?.throwIfAborted();
  const ended = new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
  const { server } = await Promise.race([gradio, ended]);
  const result = await Promise.race([server[name](argument).catch(() => null), ended]);
  if (!result) throw new Refusal("the service cannot be reached; is it still running?");
  if (result.error) throw new Refusal(result.error);
  return result;
};

/** The paragraphs of a document, and what was left out of it. */
export const readDocument = async (file) => {
  const { upload } = await gradio;
  const { path } = await upload(file).catch(() => {
    throw new Refusal(`${file.name} cannot be sent: it is too large, or the service cannot be reached`);
  });
  return served("read_upload", { path, name: file.name });
};

// The service's own HTTP interface: the page is one of its clients.

export class Refusal extends Error {
  /** @param status what the service answered, if it did. */
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/** Waits, or throws where the signal says so. */
export const pause = (seconds, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, 1000 * seconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });

/** The address of a route, wherever the page is mounted. */
export const address = (path) => new URL(path, document.baseURI).href;

/** An answer, and all of its text: what breaks off did not reach the page either. */
const reached = async (path, options) => {
  try {
    const response = await fetch(address(path), options);
    return { response, text: await response.text() };
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("the service cannot be reached; is it still running?");
  }
};

const parsed = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return {}; // of something between the page and the service
  }
};

/**
 * What a route answers, as JSON. While the models load or the queue is full it is asked again.
 * @throws {Refusal} with the service's own sentence.
 */
export const call = async (path, { signal, waiting = () => {}, ...options } = {}) => {
  for (;;) {
    const { response, text } = await reached(path, { signal, ...options });
    const body = parsed(text);
    if (response.ok) return body;
    const problem = body.error ?? { message: `the service answered ${response.status}` };
    const loading = response.status === 503 && problem.code !== "shutting_down";
    if (!loading && response.status !== 429) throw new Refusal(problem.message, response.status);
    waiting(loading ? "The models are loading …" : "The service is busy, waiting for a place …");
    await pause(Number(response.headers.get("Retry-After")) || 1, signal);
  }
};

/** What a route answers, a JSON object a line. */
export const lines = async (path) => {
  const { response, text } = await reached(path);
  if (!response.ok) throw new Refusal(`the service answered ${response.status}`, response.status);
  return text.trim().split("\n").filter(Boolean).map((line) => JSON.parse(line));
};

const post = (path, body, options) =>
  call(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    ...options,
  });

/** Questions about passages: see `POST /v1/questions`. */
export const questions = (body, options) => post("v1/questions", body, options);

/** A verdict on a question that somebody asked: see `POST /v1/scores`. */
export const score = async (row) => (await post("v1/scores", { rows: [row] })).scores[0];

/** Resolves once questions can be asked for. */
export const ready = async (whileLoading) => {
  for (;;) {
    const response = await fetch(address("readyz")).catch(() => null);
    if (response?.ok) return;
    whileLoading();
    await pause(1);
  }
};

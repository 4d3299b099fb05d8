// What the page says of what it does.
import { Refusal } from "./client.js";

/** @param find looks an element of the page up. */
export const notices = (find) => {
  const [status, problem, toast] = ["#status", "#problem", "#toast"].map(find);

  const tell = (said) => (status.textContent = said ?? "");
  const complain = (message) => {
    problem.hidden = !message;
    problem.textContent = message ?? "";
  };
  return {
    tell,
    complain,
    /** What was just done, and can be undone. */
    toast: (said) => {
      toast.hidden = !said;
      toast.querySelector("span").textContent = said ?? "";
    },
    /** Does some work; what goes wrong is said. */
    attempt: async (work) => {
      complain(null);
      try {
        return await work();
      } catch (error) {
        if (error.name === "AbortError") tell("Stopped.");
        else {
          tell("");
          complain(error instanceof Refusal ? error.message : "Something went wrong in the page.");
          if (!(error instanceof Refusal)) console.error(error);
        }
        return null;
      }
    },
  };
};

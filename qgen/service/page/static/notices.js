// What the page says of what it does.
import { Refusal } from "./client.js";

/** @param find looks an element of the page up. */
export const notices = (find) => {
  const [status, problem, toast] = ["#status", "#problem", "#toast"].map(find);

  const tell = (said) => (status.textContent = said ?? "");
  const show = (message) => {
    problem.hidden = !message;
    problem.textContent = message ?? "";
  };
  return {
    tell,
    complain: show,
    /** What was just done, and whether it can be undone. */
    toast: (said, undoable = true) => {
      toast.hidden = !said;
      toast.querySelector("span").textContent = said ?? "";
      find("#undo").hidden = !undoable;
    },
    /** Does some work; what goes wrong is said. */
    attempt: async (work, complain = show) => {
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

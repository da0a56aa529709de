/** Tells a screen reader how a job goes on: at milestones and failures, at most every ten seconds, never per task. */
import type { JobView } from "../../bridge/types";
import { jobWords } from "../../words/job";
import { milestone } from "./facts";

const AT_MOST_EVERY_MS = 10_000;

export class Milestones {
  #said = $state("");
  #share: number | null = null;
  #failed = 0;
  #last = Number.NEGATIVE_INFINITY;

  get said(): string {
    return this.#said;
  }

  hear({ name, tasks }: JobView, now = Date.now()): void {
    const share = milestone(tasks.done, tasks.total);
    if (this.#share === null) {
      // What was so when the page opened is on the page, and no news.
      [this.#share, this.#failed] = [share, tasks.failed];
      return;
    }
    if (now - this.#last < AT_MOST_EVERY_MS) return;
    if (tasks.failed > this.#failed) this.#said = jobWords.live.failed(name, tasks.failed);
    else if (share > this.#share) this.#said = jobWords.live.share(name, share);
    else return;
    [this.#share, this.#failed, this.#last] = [share, tasks.failed, now];
  }
}

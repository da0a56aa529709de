/** Which news of running jobs is worth saying aloud: quarters, failures, the end; never a task. */
import type { JobView } from "../bridge/types";
import { words } from "../words/en";

interface Said {
  quarter: number;
  failed: number;
  ended: boolean;
}

export class Milestones {
  #said = new Map<string, Said>();

  /** The news since the last call; the first call learns what is and says nothing. */
  news(jobs: readonly JobView[]): string[] {
    const first = this.#said.size === 0;
    const news: string[] = [];
    for (const job of jobs) {
      const now: Said = {
        quarter: job.tasks.total === 0 ? 0 : Math.floor((job.tasks.done / job.tasks.total) * 4),
        failed: job.tasks.failed,
        ended: job.ended_ms !== null,
      };
      const before = this.#said.get(job.id);
      this.#said.set(job.id, now);
      if (first || before?.ended) continue;
      if (now.failed > (before?.failed ?? 0)) news.push(words.announce.failed(job.name, now.failed));
      if (now.ended && job.state === "done") news.push(words.announce.done(job.name));
      else if (!now.ended && before !== undefined && now.quarter > before.quarter) news.push(words.announce.quarter(job.name, now.quarter * 25));
    }
    return news;
  }
}

import type { LogEntry } from "../evidence.ts";
import type { StepGroup } from "../plan.ts";
import type { RuleName } from "../violation.ts";
import type { BrokenHistory } from "./broken-history.ts";
import { GROUPS, HandMadeRound } from "./hand-made-round.ts";

/** A task with two subtasks that have nothing to do with each other. */
const PAIR: readonly StepGroup[] = [
  { dependsOn: [], steps: [{ ms: 1, groups: [{ dependsOn: [], steps: [{ ms: 1 }, { ms: 1 }] }] }] },
];

/** A task that fails for good, and one that does not. */
const FAILING: readonly StepGroup[] = [{ dependsOn: [], steps: [{ ms: 1, failures: 9 }, { ms: 1 }] }];

/** For tests: histories in which a watcher was told something wrong, of several orchestrators unless it says otherwise. */
export const BROKEN_WATCHES: readonly BrokenHistory[] = [
  told("watch-is-whole", "of one orchestrator, a change twice", "change 10 is", (round) => {
    round.hasOneWriter = true;
    round.play();
    round.live = [...round.log.slice(0, 3), ...round.log.slice(2)];
  }),
  told("watch-is-whole", "of one orchestrator, all but one change", "change", (round) => {
    round.hasOneWriter = true;
    round.play();
    round.live = [...round.log.slice(0, 3), ...round.log.slice(4)];
  }),
  told("watch-is-whole", "of one orchestrator, all but the last change", "is missing, not", (round) => {
    round.hasOneWriter = true;
    withoutLast(play)(round);
  }),
  told("watch-is-whole", "of one orchestrator, changes in another order", "change", (round) => {
    round.hasOneWriter = true;
    round.play();
    round.live = moved(round.log, 7, 9);
  }),
  told("watch-is-whole", "a change of a task twice", "(0.0/0.0) came to", (round) => {
    round.play();
    round.live = [...round.log.slice(0, 4), ...round.log.slice(3)];
  }),
  told("watch-is-whole", "all of a completed job but the last change", "(1.0) came to", withoutLast(play)),
  told("watch-is-whole", "all of a canceled job but the outcome that came late", "(0.0) came to", (round) => {
    cancel(round);
    round.end("0.0");
    round.compute("0.0");
    round.live = round.log.slice(0, -1);
  }),
  told(
    "watch-is-whole",
    "all of a failed job but the outcome behind that",
    "(0.1) came to",
    withoutLast(fail),
    FAILING,
  ),
  told("watch-is-whole", "less than all of a job that was canceled, retried and completed", "came to", (round) => {
    cancelAndRetry(round);
    round.live = round.log.filter((_, index) => index !== 5);
  }),
  told("watch-is-whole", "a response again, after the watch was resumed", "(0.0/0.0) came to", (round) => {
    round.play();
    round.live = round.log.slice(0, 5);
    round.rest = round.log.slice(4);
  }),
  told(
    "watch-is-whole",
    "nothing of a response, since the watch was resumed behind it",
    "(0.0/0.0) came to",
    (round) => {
      round.play();
      round.live = round.log.slice(0, 5);
      round.rest = round.log.slice(6);
    },
  ),
  told("watch-is-whole", "a cancel twice", "the job was open, CANCELED, CANCELED", (round) => {
    cancel(round);
    round.live = [...round.log, ...round.log.slice(-1)];
  }),
  told("watch-is-whole", "neither a cancel nor the retry", "the job was open", (round) => {
    cancelAndRetry(round);
    round.live = round.log.filter(({ tasks }) => tasks.length > 0);
  }),

  told("watch-tells-causes-first", "a subtask before its parent's end", "before the end of its parent", (round) => {
    round.play();
    round.live = moved(round.log, 3, 2);
  }),
  told(
    "watch-tells-causes-first",
    "a grant before the end of what it depends on",
    "(1.0) was granted before",
    (round) => {
      round.play();
      round.live = moved(round.log, 10, 9);
    },
  ),
  told("watch-tells-causes-first", "a grant before the end of a grandchild", "before the end of (0.0/1.0)", (round) => {
    round.play();
    // The steps of each task stay in their order.
    round.live = [
      ...round.log.slice(0, 8),
      ...round.log.slice(9, 11),
      ...round.log.slice(8, 9),
      ...round.log.slice(11),
    ];
  }),
  told(
    "watch-tells-causes-first",
    "a job's completion before the last of its tasks is done",
    "the job was COMPLETED while (0.0) was COMPUTED",
    (round) => {
      playPair(round);
      round.live = withJobFirst(round.log, round.log.length - 1);
    },
    PAIR,
  ),
  told(
    "watch-tells-causes-first",
    "a task after the job's completion",
    "after the job was COMPLETED",
    (round) => {
      playPair(round);
      const isLate = ({ taskId }: { readonly taskId: string }) => taskId === "(0.0/0.1)";
      const rest = round.log.map(({ tasks, job }) => ({ tasks: tasks.filter((step) => !isLate(step)), job }));
      const late = round.log.flatMap(({ tasks }) => tasks.filter(isLate));
      round.live = [...rest, { tasks: late, job: rest.at(-1)?.job }];
    },
    PAIR,
  ),
  told(
    "watch-tells-causes-first",
    "a job's failure before that of the task that failed it",
    "the job was FAILED while (0.0) was RUNNING",
    (round) => {
      fail(round);
      round.live = withJobFirst(round.log, 3);
    },
    FAILING,
  ),
  told("watch-tells-causes-first", "a grant after the cancel", "was granted while job was CANCELED", (round) => {
    cancel(round);
    round.live = withState(moved(round.log, 3, 1), 2, "CANCELED");
  }),
  told("watch-tells-causes-first", "a step that there is not", "go from COMPUTED to RUNNING", (round) => {
    cancel(round);
    round.end("0.0");
    round.compute("0.0");
    round.live = moved(round.log, 4, 1);
  }),
  told(
    "watch-tells-causes-first",
    "something that does not lead to what is stored",
    "is COMPLETED, not RUNNING",
    withoutLast(play),
  ),

  told("watch-shows-the-job", "RUNNING while nothing runs", "says RUNNING; by its tasks it was STARTED", (round) => {
    round.play();
    round.live = withState(round.log, 2, "RUNNING");
  }),
  told("watch-shows-the-job", "STARTED while something runs", "says STARTED; by its tasks it was RUNNING", (round) => {
    round.play();
    round.live = withState(round.log, 3, "STARTED");
  }),
  told("watch-shows-the-job", "SUBMITTED after a grant", "says SUBMITTED; by its tasks it was STARTED", (round) => {
    round.play();
    round.live = withState(round.log, 2, "SUBMITTED");
  }),
  told("watch-shows-the-job", "that a completed job goes on", "it went from COMPLETED to STARTED", (round) => {
    round.play();
    round.live = [...round.log, ...jobAlone(round.log, 4)];
  }),
  told("watch-shows-the-job", "a completion without a start", "from SUBMITTED to COMPLETED", (round) => {
    round.play();
    round.live = [...round.log.slice(0, 1), ...round.log.slice(-1)];
  }),
  told("watch-shows-the-job", "that a job goes on, and nobody asked for it", "asked for 0 times", (round) => {
    cancel(round);
    round.write([], "STARTED");
  }),
  told(
    "watch-shows-the-job",
    "a last state that is not the stored one",
    "it is stored as COMPLETED",
    withoutLast(play),
  ),
  told(
    "watch-shows-the-job",
    "nothing of a cancel",
    "the last is STARTED; it is stored as CANCELED",
    withoutLast(cancel),
  ),
];

function told(
  rule: RuleName,
  what: string,
  says: string,
  tell: (round: HandMadeRound) => void,
  groups = GROUPS,
): BrokenHistory {
  return {
    rule,
    how: `a watcher was told ${what}`,
    says,
    evidence() {
      const round = new HandMadeRound(groups);
      round.hasOneWriter = false;
      tell(round);
      return round.evidence();
    },
  };
}

/** Granted, lost, canceled. */
function cancel(round: HandMadeRound): void {
  round.submit();
  round.grant("0.0");
  round.start("0.0");
  round.write([round.move("0.0", "QUEUED")]);
  round.cancel();
}

function cancelAndRetry(round: HandMadeRound): void {
  cancel(round);
  round.retry();
  round.run("0.0");
  round.fail("0.0/0.0");
  round.run("0.0/0.0");
  round.run("0.0/1.0");
  round.close("0.0");
  round.run("1.0");
}

function play(round: HandMadeRound): void {
  round.play();
}

function playPair(round: HandMadeRound): void {
  round.submit();
  round.run("0.0");
  round.run("0.0/0.0");
  round.run("0.0/0.1");
  round.close("0.0");
}

/** One task fails for good, and another one is computed behind that. */
function fail(round: HandMadeRound): void {
  round.submit();
  round.grant("0.1");
  round.start("0.1");
  round.grant("0.0");
  round.start("0.0");
  round.end("0.0", "failed");
  round.failedTaskId = "(0.0)";
  round.write([round.move("0.0", "FAILED", { failures: 1, failure: "Error", sessionId: undefined })], "FAILED");
  round.end("0.1");
  round.compute("0.1");
}

function withoutLast(tell: (round: HandMadeRound) => void): (round: HandMadeRound) => void {
  return (round) => {
    tell(round);
    round.live = round.log.slice(0, -1);
  };
}

/** How the job stands behind an entry is told before the entry. */
function withJobFirst(log: readonly LogEntry[], index: number): LogEntry[] {
  return log.toSpliced(index, 0, ...jobAlone(log, index));
}

function jobAlone(log: readonly LogEntry[], index: number): LogEntry[] {
  return log.slice(index, index + 1).map(({ job }) => ({ tasks: [], job }));
}

function moved(log: readonly LogEntry[], from: number, to: number): LogEntry[] {
  return log.toSpliced(from, 1).toSpliced(to, 0, ...log.slice(from, from + 1));
}

function withState(log: readonly LogEntry[], index: number, state: NonNullable<LogEntry["job"]>["state"]): LogEntry[] {
  return log.map((entry, at) => (at === index && entry.job ? { ...entry, job: { ...entry.job, state } } : entry));
}

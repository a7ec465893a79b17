import { type BrokenHistory, breaks, breaksWith } from "./broken-history.ts";

/** For tests: histories in which something is wrong with jobs, sessions, processes, or what was answered. */
export const BROKEN_JOBS: readonly BrokenHistory[] = [
  breaksWith("processes-live", "an orchestrator ended by itself", () => ({
    deaths: [{ at: 1, process: "orchestrator-1", how: "code 1" }],
  })),
  breaksWith("acknowledged-exists", "an acknowledged job is not stored", () => ({ jobs: [] })),
  breaksWith("acknowledged-exists", "the acknowledged id is another job's", ({ jobs }) => ({
    jobs: jobs.map((job) => ({ ...job, name: "other" })),
  })),
  breaksWith("one-job-for-each-key", "one key made two jobs", ({ jobs }) => ({
    jobs: [...jobs, ...jobs.map((job) => ({ ...job, id: "(again)" }))],
  })),
  breaksWith("one-job-for-each-key", "a job that nobody submitted", () => ({ submitter: [] })),
  breaks("nothing-refused", "a submission was refused", (round) => {
    round.play();
    round.sent("submit");
    round.answered("submit", "refused", "INVALID_ARGUMENT");
  }),
  breaks("nothing-refused", "a cancel was refused for no good reason", (round) => {
    round.play();
    round.sent("cancel");
    round.answered("cancel", "refused", "NOT_FOUND");
  }),
  breaks("requests-are-answered", "a cancel is never answered", (round) => {
    round.play();
    round.sent("cancel");
    round.answered("cancel", "lost", "UNAVAILABLE");
  }),
  breaks("no-internal-errors", "an orchestrator answers that it met with something unexpected", (round) => {
    round.sent("submit");
    round.answered("submit", "lost", "INTERNAL: internal error; the orchestrator's log says more");
    round.play();
  }),
  breaksWith("no-internal-errors", "an orchestrator logs an error", () => ({
    complaints: [{ at: 1, process: "orchestrator-1", line: "a command failed" }],
  })),
  breaksWith("orchestrators-answer", "an orchestrator serves and does not answer", () => ({
    unreadable: "INTERNAL: internal error",
  })),
  breaks("nothing-starts-while-halted", "a grant after a cancel", (round) => {
    round.submit();
    round.cancel();
    round.grant("0.0");
  }),
  breaks("nothing-starts-while-halted", "a grant in the same step as the cancel", (round) => {
    round.submit();
    round.sent("cancel");
    round.write([round.move("0.0", "RUNNING", { attempt: 1 })], "CANCELED");
    round.answered("cancel", "acknowledged");
  }),
  breaks("nothing-starts-while-halted", "a grant after a failure", (round) => {
    round.submit();
    round.write([round.move("0.0", "FAILED", { failures: 1 })], "FAILED");
    round.grant("1.0");
  }),
  breaks("nothing-starts-after-cancel", "the job goes on although nobody asked for it", (round) => {
    round.submit();
    round.request("cancel");
    round.write([], "CANCELED");
    round.write([], "STARTED");
    round.run("0.0");
  }),
  breaks("nothing-starts-after-cancel", "a start before the retry that it came with", (round) => {
    round.submit();
    round.request("cancel");
    round.write([], "CANCELED");
    round.write([], "STARTED");
    round.grant("0.0");
    round.start("0.0");
    round.request("retry");
  }),
  breaks("halts-are-kept", "an acknowledged cancel did not happen", (round) => {
    round.submit();
    round.request("cancel");
    round.run("0.0");
  }),
  breaks("halts-are-kept", "an acknowledged retry did not happen", (round) => {
    round.submit();
    round.cancel();
    round.request("retry");
  }),
  breaks("halts-are-kept", "a second cancel did not happen", (round) => {
    round.submit();
    round.request("cancel");
    round.write([], "CANCELED");
    round.request("retry");
    round.write([], "STARTED");
    round.request("cancel");
  }),
  breaks("progress-adds-up", "a job's progress is not the sum of its tasks'", (round) => {
    round.play();
    round.jobProgress = [{ label: "tiles", total: 3, done: 2 }];
  }),
  breaks("progress-adds-up", "a task's progress is that of two attempts", (round) => {
    round.play();
    round.task("0.0").progress = [{ label: "tiles", total: 6, done: 6 }];
  }),
  breaksWith("counts-add-up", "a job counts a task twice", ({ jobs }) => ({
    jobs: jobs.map((job) => ({ ...job, counts: { ...job.counts, completed: 5 } })),
  })),
  breaks("counts-add-up", "an entry of the log counts wrongly", (round) => {
    round.play();
    const [first] = round.log;
    if (first?.job) first.job = { ...first.job, counts: { ...first.job.counts, queued: 3 } };
  }),
  breaks("log-is-true", "a task that was done runs again", (round) => {
    round.play();
    round.write([round.move("1.0", "QUEUED")]);
  }),
  breaks("log-is-true", "the log lacks the last step", (round) => {
    round.play();
    round.log.pop();
  }),
  breaks("log-is-true", "the log tells of a task that is not stored", (round) => {
    round.play();
    round.tasks.delete("1.0");
  }),
  breaks("counts-add-up", "a watcher was told wrong counts", (round) => {
    round.play();
    round.live = round.log.slice(1);
  }),
  breaks("job-ends", "a job stays open", (round) => {
    round.submit();
    round.run("0.0");
  }),
  breaks("job-ends", "a canceled job has a running task", (round) => {
    round.submit();
    round.grant("0.0");
    round.request("cancel");
    round.write([], "CANCELED");
  }),
  breaks("job-ends-rightly", "a job is completed with open tasks", (round) => {
    round.submit();
    round.write([], "COMPLETED");
  }),
  breaks("job-ends-rightly", "a job failed and no task of it did", (round) => {
    round.submit();
    round.write([], "FAILED");
  }),
  breaks("job-ends-rightly", "a job is canceled and nobody asked for it", (round) => {
    round.submit();
    round.write([], "CANCELED");
  }),
  breaks("no-lease-of-the-dead", "the session of a process that was killed is still there", (round) => {
    round.play();
    round.sessions.push({ id: "session-2", runner: "runner-2.1", running: 1 });
  }),
  breaks("no-lease-of-the-dead", "a task runs under a session that is not there", (round) => {
    round.submit();
    round.grant("0.0");
    round.sessions.length = 0;
  }),
  breaks("runners-are-back", "a runner has no session", (round) => {
    round.play();
    round.aliveRunners = ["runner-1.1", "runner-2.1"];
  }),
  breaks("runners-are-back", "a runner holds a lease although nothing runs", (round) => {
    round.play();
    round.sessions.splice(0, 1, { id: "session-1", runner: "runner-1.1", running: 1 });
  }),
];

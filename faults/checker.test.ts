import { afterAll, describe, expect, it } from "vitest";
import { check, RULES } from "./checker.ts";
import type { Evidence } from "./evidence.ts";
import { GROUPS, HandMadeRound } from "./hand-made-round.ts";
import type { RuleName } from "./violation.ts";

const shown = new Set<RuleName>();

/** Tells a history and expects that this rule finds it. */
function breaks(rule: RuleName, how: string, tell: (round: HandMadeRound) => void): void {
  it(`${rule}: ${how}`, () => {
    const round = new HandMadeRound();
    tell(round);
    const found = check(round.evidence());
    expect(found.map((violation) => violation.rule)).toContain(rule);
    shown.add(rule);
  });
}

/** As {@link breaks}, of evidence that is changed at the end. */
function breaksWith(rule: RuleName, how: string, change: (evidence: Evidence) => Partial<Evidence>): void {
  it(`${rule}: ${how}`, () => {
    const evidence = new HandMadeRound().play().evidence();
    expect(check({ ...evidence, ...change(evidence) }).map((violation) => violation.rule)).toContain(rule);
    shown.add(rule);
  });
}

function holds(how: string, tell: (round: HandMadeRound) => void, groups = GROUPS): void {
  it(how, () => {
    const round = new HandMadeRound(groups);
    tell(round);
    expect(check(round.evidence())).toEqual([]);
  });
}

describe("what is allowed", () => {
  holds("a job that goes as planned", (round) => round.play());

  holds("a lease that was lost, and an outcome that came late and was taken all the same", (round) => {
    round.submit();
    round.grant("0.0");
    round.start("0.0");
    round.write([round.move("0.0", "QUEUED")]);
    round.end("0.0");
    round.compute("0.0");
    round.fail("0.0/0.0");
    round.run("0.0/0.0");
    round.run("0.0/1.0");
    round.close("0.0");
    round.run("1.0");
  });

  holds("a lease that was lost and adopted by the next session", (round) => {
    round.submit();
    round.grant("0.0");
    round.start("0.0");
    round.write([round.move("0.0", "QUEUED")]);
    round.write([round.move("0.0", "RUNNING")]);
    round.end("0.0");
    round.compute("0.0");
    round.fail("0.0/0.0");
    round.run("0.0/0.0");
    round.run("0.0/1.0");
    round.close("0.0");
    round.run("1.0");
  });

  holds("an attempt that was superseded and goes on, and one that was killed", (round) => {
    const cut = { what: "cut up runner-2>orchestrator-1", parts: ["runner-2>orchestrator-1"], holdsUp: true };
    round.disturbances.push({ at: 0, until: 9, ...cut });
    round.submit();
    round.grant("0.0");
    round.start("0.0", "runner-2.1");
    round.write([round.move("0.0", "QUEUED")]);
    round.grant("0.0");
    round.start("0.0", "runner-3.1");
    round.write([round.move("0.0", "QUEUED")]);
    round.run("0.0");
    round.fail("0.0/0.0");
    round.run("0.0/0.0");
    round.end("0.0", "computed", "runner-2.1");
    round.run("0.0/1.0");
    round.close("0.0");
    round.run("1.0");
  });

  holds("a cancel, a start that was under way, and a retry", (round) => {
    round.submit();
    round.grant("0.0");
    round.sent("cancel");
    round.write([], "CANCELED");
    round.answered("cancel", "acknowledged");
    round.start("0.0");
    round.end("0.0");
    round.compute("0.0");
    round.sent("retry");
    round.write([], "STARTED");
    round.answered("retry", "acknowledged");
    round.fail("0.0/0.0");
    round.run("0.0/0.0");
    round.run("0.0/1.0");
    round.close("0.0");
    round.run("1.0");
  });

  holds(
    "steps of several writers that have nothing to do with each other, in another order",
    (round) => {
      round.hasOneWriter = false;
      round.submit();
      const early = round.log.length;
      round.grant("0.0");
      round.grant("0.1");
      const [one, other] = [round.log[early], round.log[early + 1]];
      if (one?.job === undefined || other === undefined) throw new Error("nothing was granted");
      for (const path of ["0.0", "0.1"]) {
        round.start(path);
        round.end(path);
        round.compute(path);
      }
      const swapped = [
        { tasks: other.tasks, job: one.job },
        { tasks: one.tasks, job: other.job },
      ];
      round.live = [...round.log.slice(0, early), ...swapped, ...round.log.slice(early + 2)];
    },
    [{ dependsOn: [], steps: [{ ms: 1 }, { ms: 1 }] }],
  );

  holds("a job that fails as its plan says", (round) => failForGood(round), [
    { dependsOn: [], steps: [{ ms: 1, failures: 9 }] },
    { dependsOn: [0], steps: [{ ms: 1 }] },
  ]);

  holds("the outcome of a submission that was lost and sent again", (round) => {
    round.sent("submit");
    round.answered("submit", "lost", "UNAVAILABLE");
    round.play();
  });
});

describe("what is not", () => {
  breaksWith("processes-live", "an orchestrator ended by itself", () => ({
    deaths: [{ at: 1, process: "orchestrator-1", how: "code 1" }],
  }));

  breaksWith("acknowledged-exists", "an acknowledged job is not stored", () => ({ jobs: [] }));
  breaksWith("acknowledged-exists", "the acknowledged id is another job's", ({ jobs }) => ({
    jobs: jobs.map((job) => ({ ...job, name: "other" })),
  }));

  breaksWith("one-job-for-each-key", "one key made two jobs", ({ jobs }) => ({
    jobs: [...jobs, ...jobs.map((job) => ({ ...job, id: "(again)" }))],
  }));
  breaksWith("one-job-for-each-key", "a job that nobody submitted", () => ({ submitter: [] }));

  breaks("nothing-refused", "a submission was refused", (round) => {
    round.play();
    round.sent("submit");
    round.answered("submit", "refused", "INVALID_ARGUMENT");
  });
  breaks("nothing-refused", "a cancel was refused for no good reason", (round) => {
    round.play();
    round.sent("cancel");
    round.answered("cancel", "refused", "NOT_FOUND");
  });

  breaks("requests-are-answered", "a cancel is never answered", (round) => {
    round.play();
    round.sent("cancel");
    round.answered("cancel", "lost", "UNAVAILABLE");
  });

  breaks("no-internal-errors", "an orchestrator answers that it met with something unexpected", (round) => {
    round.sent("submit");
    round.answered("submit", "lost", "INTERNAL: internal error; the orchestrator's log says more");
    round.play();
  });
  breaksWith("no-internal-errors", "an orchestrator logs an error", () => ({
    complaints: [{ at: 1, process: "orchestrator-1", line: "a command failed" }],
  }));

  breaksWith("nothing-unknown-runs", "a task of a job that is not stored was executed", ({ runners }) => ({
    runners: runners.map((record) => ({ ...record, jobId: "(other)" })),
  }));

  breaksWith("orchestrators-answer", "an orchestrator serves and does not answer", () => ({
    unreadable: "INTERNAL: internal error",
  }));

  breaks("no-rework", "a task that was computed is granted again at once", (round) => runAgain(round));
  breaks("no-rework", "... although only another runner was disturbed", (round) => {
    runAgain(round);
    round.disturbances.push({ at: 0, until: 9, what: "", parts: ["runner-2"], holdsUp: true });
  });
  breaks("no-rework", "... although only an orchestrator was killed", (round) => {
    runAgain(round);
    round.disturbances.push({ at: 0, until: 9, what: "", parts: ["orchestrator-2"], holdsUp: false });
  });

  breaks("one-execution", "two runners execute the same attempt", (round) => {
    round.play();
    round.start("1.0", "runner-2.1");
  });
  breaks("one-execution", "a runner executes what was granted to nobody", (round) => {
    round.play();
    round.start("1.0", "runner-1.1", 2);
  });
  breaks("one-execution", "a runner executes a task that is not stored", (round) => {
    round.play();
    round.tasks.delete("1.0");
  });

  breaks("attempts-go-up", "an attempt is granted twice", (round) => {
    round.submit();
    round.grant("0.0");
    round.write([round.move("0.0", "QUEUED", { attempt: 0 })]);
    round.grant("0.0");
  });
  breaks("attempts-go-up", "an attempt number is left out", (round) => {
    round.submit();
    round.task("0.0").attempt = 1;
    round.grant("0.0");
  });
  breaks("attempts-go-up", "a step of an earlier attempt comes after a later one", (round) => {
    round.submit();
    round.grant("0.0");
    round.grant("0.0");
    round.write([round.move("0.0", "QUEUED", { attempt: 1 })]);
  });
  breaks("attempts-go-up", "what is stored is not what the log says", (round) => {
    round.play();
    round.task("1.0").attempt = 2;
  });

  breaks("one-outcome", "a task is computed twice", (round) => {
    round.play();
    round.write([round.move("1.0", "QUEUED")]);
    round.run("1.0");
  });
  breaks("one-outcome", "an attempt fails and is computed", (round) => {
    round.submit();
    round.fail("0.0");
    round.compute("0.0");
  });
  breaks("one-outcome", "an attempt goes on after it was settled", (round) => {
    round.submit();
    round.fail("0.0");
    round.write([round.move("0.0", "RUNNING")]);
  });
  breaks("one-outcome", "an attempt fails twice", (round) => {
    round.submit();
    round.fail("0.0");
    round.write([round.move("0.0", "QUEUED", { failure: "Error" })]);
  });

  breaks("outcome-is-reported", "the store has an outcome that no runner reported", (round) => {
    round.play();
    round.task("1.0").display = "nobody's";
  });
  breaks("outcome-is-reported", "the store has the outcome of an attempt that failed", (round) => {
    round.submit();
    round.grant("0.0");
    round.start("0.0");
    round.end("0.0", "failed");
    round.compute("0.0");
  });
  breaks("outcome-is-reported", "the store has the outcome of a superseded attempt", (round) => {
    round.submit();
    round.grant("0.0");
    round.start("0.0");
    round.end("0.0");
    round.write([round.move("0.0", "QUEUED")]);
    round.grant("0.0");
    round.compute("0.0");
  });

  breaks("subtasks-exact", "a subtask is missing", (round) => {
    round.play();
    round.tasks.delete("0.0/1.0");
  });
  breaks("subtasks-exact", "a subtask exists twice", (round) => {
    round.play();
    round.tasks.set("twice", { ...round.task("0.0/1.0"), id: "(twice)" });
  });
  breaks("subtasks-exact", "an attempt that failed leaves subtasks behind", (round) => {
    round.submit();
    round.fail("0.0");
    round.write(round.create("0.0", "run 0"));
  });
  breaks("subtasks-exact", "a subtask is that of another attempt", (round) => {
    round.play();
    round.task("0.0/1.0").by = "run 99";
  });

  breaks("parent-first", "a subtask starts before its parent has ended", (round) => {
    round.submit();
    round.grant("0.0");
    round.start("0.0");
    round.write(round.create("0.0", "run 0"));
    round.grant("0.0/0.0");
    round.start("0.0/0.0");
    round.end("0.0");
    round.write([round.move("0.0", "COMPUTED", { display: "run 0" })]);
  });

  breaks("dependencies-first", "a task starts before a grandchild of what it depends on has ended", (round) => {
    round.submit();
    round.run("0.0");
    round.fail("0.0/0.0");
    round.run("0.0/0.0");
    round.grant("0.0/1.0");
    round.start("0.0/1.0");
    round.grant("1.0");
    round.start("1.0");
    round.end("0.0/1.0");
    round.compute("0.0/1.0");
    round.close("0.0");
    round.end("1.0");
    round.compute("1.0");
  });
  breaks("dependencies-first", "a task is granted before what it depends on is done", (round) => {
    round.submit();
    round.grant("1.0");
    round.run("0.0");
  });

  breaks("nothing-starts-while-halted", "a grant after a cancel", (round) => {
    round.submit();
    round.sent("cancel");
    round.write([], "CANCELED");
    round.answered("cancel", "acknowledged");
    round.grant("0.0");
  });
  breaks("nothing-starts-while-halted", "a grant in the same step as the cancel", (round) => {
    round.submit();
    round.sent("cancel");
    round.write([round.move("0.0", "RUNNING", { attempt: 1 })], "CANCELED");
    round.answered("cancel", "acknowledged");
  });
  breaks("nothing-starts-while-halted", "a grant after a failure", (round) => {
    round.submit();
    round.write([round.move("0.0", "FAILED", { failures: 1 })], "FAILED");
    round.grant("1.0");
  });

  breaks("nothing-starts-after-cancel", "the job goes on although nobody asked for it", (round) => {
    round.submit();
    round.request("cancel");
    round.write([], "CANCELED");
    round.write([], "STARTED");
    round.run("0.0");
  });
  breaks("nothing-starts-after-cancel", "a start before the retry that it came with", (round) => {
    round.submit();
    round.request("cancel");
    round.write([], "CANCELED");
    round.write([], "STARTED");
    round.grant("0.0");
    round.start("0.0");
    round.request("retry");
  });

  breaks("halts-are-kept", "an acknowledged cancel did not happen", (round) => {
    round.submit();
    round.request("cancel");
    round.run("0.0");
  });
  breaks("halts-are-kept", "an acknowledged retry did not happen", (round) => {
    round.submit();
    round.sent("cancel");
    round.write([], "CANCELED");
    round.answered("cancel", "acknowledged");
    round.request("retry");
  });
  breaks("halts-are-kept", "a second cancel did not happen", (round) => {
    round.submit();
    round.request("cancel");
    round.write([], "CANCELED");
    round.request("retry");
    round.write([], "STARTED");
    round.request("cancel");
  });

  breaks("progress-adds-up", "a job's progress is not the sum of its tasks'", (round) => {
    round.play();
    round.jobProgress = [{ label: "tiles", total: 3, done: 2 }];
  });
  breaks("progress-adds-up", "a task's progress is that of two attempts", (round) => {
    round.play();
    round.task("0.0").progress = [{ label: "tiles", total: 6, done: 6 }];
  });

  breaksWith("counts-add-up", "a job counts a task twice", ({ jobs }) => ({
    jobs: jobs.map((job) => ({ ...job, counts: { ...job.counts, completed: 5 } })),
  }));
  breaks("counts-add-up", "an entry of the log counts wrongly", (round) => {
    round.play();
    const [first] = round.log;
    if (first?.job) first.job = { ...first.job, counts: { ...first.job.counts, queued: 3 } };
  });

  breaks("log-is-true", "a task that was done runs again", (round) => {
    round.play();
    round.write([round.move("1.0", "QUEUED")]);
  });
  breaks("log-is-true", "the log lacks the last step", (round) => {
    round.play();
    round.log.pop();
  });
  breaks("log-is-true", "the log tells of a task that is not stored", (round) => {
    round.play();
    round.tasks.delete("1.0");
  });

  breaks("watch-is-true", "a watcher was told a change twice", (round) => {
    round.play();
    round.live = [...round.log.slice(0, 3), ...round.log.slice(2)];
  });
  breaks("watch-is-true", "a watcher missed a change", (round) => {
    round.play();
    round.live = [...round.log.slice(0, 3), ...round.log.slice(4)];
  });

  breaks("watch-is-true", "a watcher was told changes in another order", (round) => {
    const [entries, before] = [round.play().log, round.log.length - 4];
    round.live = [...entries.slice(0, before), ...entries.slice(before, before + 2).reverse()];
  });
  breaks("watch-is-true", "of several writers, a watcher was told a change of a task twice", (round) => {
    round.hasOneWriter = false;
    round.play();
    round.live = [...round.log.slice(0, 3), ...round.log.slice(2)];
  });
  breaks("watch-is-true", "of several writers, a watcher was told less than all of a completed job", (round) => {
    round.hasOneWriter = false;
    round.play();
    round.live = round.log.slice(0, -1);
  });
  breaks("watch-is-true", "of several writers, a watcher was told of a subtask before its parent's end", (round) => {
    round.hasOneWriter = false;
    round.play();
    const child = { taskId: "(0.0/0.0)", state: "QUEUED", attempt: 0, failure: undefined } as const;
    round.live = [{ tasks: [child], job: undefined }];
    round.jobState = "CANCELED";
  });
  breaks("counts-add-up", "a watcher was told wrong counts", (round) => {
    round.play();
    round.live = round.log.slice(1);
  });

  breaks("fails-as-planned", "a task fails that was to succeed", (round) => {
    round.submit();
    round.write([round.move("0.0", "FAILED", { failures: 1 })], "FAILED");
  });
  breaks("fails-as-planned", "a task fails with retries left", (round) => {
    round.submit();
    round.run("0.0");
    round.write([round.move("0.0/0.0", "FAILED", { failures: 1 })], "FAILED");
  });

  breaks("parents-closed", "a parent waits although all below it is done", (round) => {
    round.play();
    round.task("0.0").state = "COMPUTED";
  });
  breaks("parents-closed", "a parent is closed although something below it is not done", (round) => {
    round.submit();
    round.run("0.0");
    round.close("0.0");
  });

  breaks("job-ends", "a job stays open", (round) => {
    round.submit();
    round.run("0.0");
  });
  breaks("job-ends", "a canceled job has a running task", (round) => {
    round.submit();
    round.grant("0.0");
    round.request("cancel");
    round.write([], "CANCELED");
  });

  breaks("job-ends-rightly", "a job is completed with open tasks", (round) => {
    round.submit();
    round.write([], "COMPLETED");
  });
  breaks("job-ends-rightly", "a job failed and no task of it did", (round) => {
    round.submit();
    round.write([], "FAILED");
  });
  breaks("job-ends-rightly", "a job is canceled and nobody asked for it", (round) => {
    round.submit();
    round.write([], "CANCELED");
  });

  breaks("no-lease-of-the-dead", "the session of a process that was killed is still there", (round) => {
    round.play();
    round.sessions.push({ id: "session-2", runner: "runner-2.1", running: 1 });
  });
  breaks("no-lease-of-the-dead", "a task runs under a session that is not there", (round) => {
    round.submit();
    round.grant("0.0");
    round.sessions.length = 0;
  });

  breaks("runners-are-back", "a runner has no session", (round) => {
    round.play();
    round.aliveRunners = ["runner-1.1", "runner-2.1"];
  });
  breaks("runners-are-back", "a runner holds a lease although nothing runs", (round) => {
    round.play();
    round.sessions.splice(0, 1, { id: "session-1", runner: "runner-1.1", running: 1 });
  });

  // Behind all others: a rule without a history that breaks it may never fire.
  afterAll(() => expect([...shown].sort()).toEqual(Object.keys(RULES).sort()));
});

function failForGood(round: HandMadeRound): void {
  round.submit();
  round.grant("0.0");
  round.start("0.0");
  round.end("0.0", "failed");
  round.failedTaskId = "(0.0)";
  round.write([round.move("0.0", "FAILED", { failures: 1, failure: "Error", sessionId: undefined })], "FAILED");
}

/** The first task is computed by one runner, and by another one after that. */
function runAgain(round: HandMadeRound): void {
  round.submit();
  round.grant("0.0");
  round.start("0.0");
  round.end("0.0");
  round.write([round.move("0.0", "QUEUED")]);
  round.run("0.0");
}

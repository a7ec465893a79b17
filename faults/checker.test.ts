import { describe, expect, it } from "vitest";
import { check, RULES } from "./checker.ts";
import { BROKEN_JOBS } from "./testing/broken-jobs.ts";
import { BROKEN_TASKS } from "./testing/broken-tasks.ts";
import { BROKEN_WATCHES } from "./testing/broken-watches.ts";
import { GROUPS, HandMadeRound } from "./testing/hand-made-round.ts";

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
    round.cancel();
    round.start("0.0");
    round.end("0.0");
    round.compute("0.0");
    round.retry();
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

  holds("a cancel whose answer came behind that of a retry that was sent later", (round) => {
    round.submit();
    round.sent("cancel");
    const late = round.submitter.length;
    round.request("cancel");
    round.write([], "CANCELED");
    round.request("retry");
    round.write([], "SUBMITTED");
    const { request = 0 } = round.submitter[late - 1] ?? {};
    round.answered("cancel", "acknowledged", "OK", request);
    round.run("0.0");
    round.fail("0.0/0.0");
    round.run("0.0/0.0");
    round.run("0.0/1.0");
    round.close("0.0");
    round.run("1.0");
  });

  holds("a watcher who left when a job was halted, before an outcome that came late", (round) => {
    round.hasOneWriter = false;
    round.submit();
    round.grant("0.0");
    round.start("0.0");
    round.write([round.move("0.0", "QUEUED")]);
    round.cancel();
    round.live = [...round.log];
    round.end("0.0");
    round.compute("0.0");
    round.rest = round.log.slice(round.live.length);
  });

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
  const all = [...BROKEN_TASKS, ...BROKEN_JOBS, ...BROKEN_WATCHES];

  it.each(all)("$rule: $how", ({ rule, says = "", evidence }) => {
    const found = check(evidence());
    expect(found.map((violation) => violation.rule)).toContain(rule);
    const messages = found.filter((violation) => violation.rule === rule).map(({ message }) => message);
    expect(messages.join("\n")).toContain(says);
  });

  it("is shown for each rule: one without a history that breaks it may never fire", () => {
    const shown = new Set<string>(all.map(({ rule }) => rule));
    expect([...shown].sort()).toEqual(Object.keys(RULES).sort());
  });
});

function failForGood(round: HandMadeRound): void {
  round.submit();
  round.grant("0.0");
  round.start("0.0");
  round.end("0.0", "failed");
  round.failedTaskId = "(0.0)";
  round.write([round.move("0.0", "FAILED", { failures: 1, failure: "Error", sessionId: undefined })], "FAILED");
}

import { type BrokenHistory, breaks, breaksWith } from "./broken-history.ts";
import type { HandMadeRound } from "./hand-made-round.ts";

/** For tests: histories in which something is wrong with tasks and their attempts. */
export const BROKEN_TASKS: readonly BrokenHistory[] = [
  breaksWith("nothing-unknown-runs", "a task of a job that is not stored was executed", ({ runners }) => ({
    runners: runners.map((record) => ({ ...record, jobId: "(other)" })),
  })),
  breaks("no-rework", "a task that was computed is granted again at once", (round) => runAgain(round)),
  breaks("no-rework", "... although only another runner was disturbed", (round) => {
    runAgain(round);
    round.disturbances.push({ at: 0, until: 9, what: "", parts: ["runner-2"], holdsUp: true });
  }),
  breaks("no-rework", "... although only an orchestrator was killed", (round) => {
    runAgain(round);
    round.disturbances.push({ at: 0, until: 9, what: "", parts: ["orchestrator-2"], holdsUp: false });
  }),
  breaks("one-execution", "two runners execute the same attempt", (round) => {
    round.play();
    round.start("1.0", "runner-2.1");
  }),
  breaks("one-execution", "a runner executes what was granted to nobody", (round) => {
    round.play();
    round.start("1.0", "runner-1.1", 2);
  }),
  breaks("one-execution", "a runner executes a task that is not stored", (round) => {
    round.play();
    round.tasks.delete("1.0");
  }),
  breaks("attempts-go-up", "an attempt is granted twice", (round) => {
    round.submit();
    round.grant("0.0");
    round.write([round.move("0.0", "QUEUED", { attempt: 0 })]);
    round.grant("0.0");
  }),
  breaks("attempts-go-up", "an attempt number is left out", (round) => {
    round.submit();
    round.task("0.0").attempt = 1;
    round.grant("0.0");
  }),
  breaks("attempts-go-up", "a step of an earlier attempt comes after a later one", (round) => {
    round.submit();
    round.grant("0.0");
    round.grant("0.0");
    round.write([round.move("0.0", "QUEUED", { attempt: 1 })]);
  }),
  breaks("attempts-go-up", "what is stored is not what the log says", (round) => {
    round.play();
    round.task("1.0").attempt = 2;
  }),
  breaks("one-outcome", "a task is computed twice", (round) => {
    round.play();
    round.write([round.move("1.0", "QUEUED")]);
    round.run("1.0");
  }),
  breaks("one-outcome", "an attempt fails and is computed", (round) => {
    round.submit();
    round.fail("0.0");
    round.compute("0.0");
  }),
  breaks("one-outcome", "an attempt goes on after it was settled", (round) => {
    round.submit();
    round.fail("0.0");
    round.write([round.move("0.0", "RUNNING")]);
  }),
  breaks("one-outcome", "an attempt fails twice", (round) => {
    round.submit();
    round.fail("0.0");
    round.write([round.move("0.0", "QUEUED", { failure: "Error" })]);
  }),
  breaks("outcome-is-reported", "the store has an outcome that no runner reported", (round) => {
    round.play();
    round.task("1.0").display = "nobody's";
  }),
  breaks("outcome-is-reported", "the store has the outcome of an attempt that failed", (round) => {
    round.submit();
    round.grant("0.0");
    round.start("0.0");
    round.end("0.0", "failed");
    round.compute("0.0");
  }),
  breaks("outcome-is-reported", "the store has the outcome of a superseded attempt", (round) => {
    round.submit();
    round.grant("0.0");
    round.start("0.0");
    round.end("0.0");
    round.write([round.move("0.0", "QUEUED")]);
    round.grant("0.0");
    round.compute("0.0");
  }),
  breaks("subtasks-exact", "a subtask is missing", (round) => {
    round.play();
    round.tasks.delete("0.0/1.0");
  }),
  breaks("subtasks-exact", "a subtask exists twice", (round) => {
    round.play();
    round.tasks.set("twice", { ...round.task("0.0/1.0"), id: "(twice)" });
  }),
  breaks("subtasks-exact", "an attempt that failed leaves subtasks behind", (round) => {
    round.submit();
    round.fail("0.0");
    round.write(round.create("0.0", "run 0"));
  }),
  breaks("subtasks-exact", "a subtask is that of another attempt", (round) => {
    round.play();
    round.task("0.0/1.0").by = "run 99";
  }),
  breaks("parent-first", "a subtask starts before its parent has ended", (round) => {
    round.submit();
    round.grant("0.0");
    round.start("0.0");
    round.write(round.create("0.0", "run 0"));
    round.grant("0.0/0.0");
    round.start("0.0/0.0");
    round.end("0.0");
    round.write([round.move("0.0", "COMPUTED", { display: "run 0" })]);
  }),
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
  }),
  breaks("dependencies-first", "a task is granted before what it depends on is done", (round) => {
    round.submit();
    round.grant("1.0");
    round.run("0.0");
  }),
  breaks("fails-as-planned", "a task fails that was to succeed", (round) => {
    round.submit();
    round.write([round.move("0.0", "FAILED", { failures: 1 })], "FAILED");
  }),
  breaks("fails-as-planned", "a task fails with retries left", (round) => {
    round.submit();
    round.run("0.0");
    round.write([round.move("0.0/0.0", "FAILED", { failures: 1 })], "FAILED");
  }),
  breaks("parents-closed", "a parent waits although all below it is done", (round) => {
    round.play();
    round.task("0.0").state = "COMPUTED";
  }),
  breaks("parents-closed", "a parent is closed although something below it is not done", (round) => {
    round.submit();
    round.run("0.0");
    round.close("0.0");
  }),
];

/** The first task is computed by one runner, and by another one after that. */
function runAgain(round: HandMadeRound): void {
  round.submit();
  round.grant("0.0");
  round.start("0.0");
  round.end("0.0");
  round.write([round.move("0.0", "QUEUED")]);
  round.run("0.0");
}

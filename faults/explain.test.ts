import { describe, expect, it } from "vitest";
import { check } from "./checker.ts";
import { explain } from "./explain.ts";
import { HandMadeRound } from "./testing/hand-made-round.ts";

describe("the history of a violation", () => {
  it("has the tasks that it is about, the requests, and the disturbances of that time; nothing else", () => {
    const round = new HandMadeRound().play();
    round.start("1.0", "runner-2.1");
    const told = { parts: [], holdsUp: true };
    round.disturbances.push({ at: -20_000, until: -19_900, what: "kill runner-1", ...told });
    round.disturbances.push({ at: 5.5, until: 305.5, what: "cut up runner-2>orchestrator-1", ...told });
    round.disturbances.push({ at: 1_000_000, until: 1_000_100, what: "kill runner-3", ...told });
    const evidence = round.evidence();
    const [violation] = check(evidence);
    if (violation === undefined) throw new Error("nothing was found");
    const lines = explain(violation, evidence);
    expect(lines[0]).toContain("one-execution: task 1.0 ((1.0)) of job: attempt 1 was executed 2 times");
    const text = lines.join("\n");
    expect(text).toMatch(
      /submitter: submit acknowledged[\s\S]*cut up runner-2>orchestrator-1 for 300 ms[\s\S]*runner-2.1: starts attempt 1 of 1.0/,
    );
    expect(text).toMatch(/1.0 \(\(1.0\)\) RUNNING in attempt 1\n[\s\S]*COMPLETED in attempt 1/);
    expect(text).toContain("job COMPLETED");
    expect(text).not.toContain("0.0/1.0");
    expect(text).not.toContain("kill");
  });

  it("has what was disturbed before it showed", () => {
    const round = new HandMadeRound().play();
    const told = { parts: ["database"], holdsUp: false };
    round.disturbances.push({ at: 1, until: 11, what: "kill database", ...told });
    round.disturbances.push({ at: 9_000, until: 9_100, what: "reset database", ...told });
    round.disturbances.push({ at: 9_900, until: 9_950, what: "freeze database", ...told });
    round.deaths.push({ at: 9_500, process: "orchestrator-1", how: "code 1" });
    const evidence = round.evidence();
    const [violation] = check(evidence);
    if (violation === undefined) throw new Error("nothing was found");
    const text = explain(violation, evidence).join("\n");
    expect(text).toMatch(/0.000 {2}disturbance: reset database for 100 ms\n +0.500 {2}here it showed/);
    expect(text).not.toMatch(/kill|freeze/);
  });

  it("is told from all disturbances when it is about no job and no time", () => {
    const round = new HandMadeRound().play();
    round.disturbances.push({ at: 1, until: 11, what: "kill database", parts: ["database"], holdsUp: false });
    const violation = { rule: "processes-live", message: "orchestrator-1 ended by itself: code 1" } as const;
    const lines = explain(violation, round.evidence());
    expect(lines.join("\n")).toContain("kill database for 10 ms");
  });

  it("is cut in the middle when it is long", () => {
    const round = new HandMadeRound();
    round.submit();
    for (let count = 0; count < 300; count++) round.fail("0.0");
    const evidence = round.evidence();
    const lines = explain({ rule: "job-ends", message: "", jobId: "(job)", taskIds: ["(0.0)"] }, evidence);
    expect(lines.length).toBeLessThan(300);
    expect(lines.some((line) => / more \.\.\./.test(line))).toBe(true);
  });
});

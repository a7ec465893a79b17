import { describe, expect, it } from "vitest";
import { parseFaultCommand } from "./options.ts";

describe("the command line", () => {
  it("has defaults, and a seed by chance", () => {
    const command = parseFaultCommand([], () => 0.5);
    expect(command).toEqual({
      kind: "run",
      options: { store: "sqlite", seconds: 60, seed: 1_073_741_823, leaseMs: 2_000, window: 24, keep: false },
    });
  });

  it("takes everything", () => {
    const args = ["--store", "mongodb", "--seconds", "20", "--seed", "0", "--lease-ms", "500", "--jobs", "3", "--keep"];
    expect(parseFaultCommand(args, Math.random)).toEqual({
      kind: "run",
      options: { store: "mongodb", seconds: 20, seed: 0, leaseMs: 500, window: 3, keep: true },
    });
  });

  it("explains itself", () => {
    const command = parseFaultCommand(["--help"], Math.random);
    expect(command.kind === "help" && command.text).toContain("npm run faults --");
  });

  it("refuses, with all problems at once", () => {
    const args = ["--store", "oracle", "--seconds", "0", "--seed", "-1x", "--jobs", "1.5", "--lease-ms", ""];
    const command = parseFaultCommand(args.slice(0, 4), Math.random);
    expect(command).toEqual({
      kind: "refused",
      problems: [
        '--store must be one of mongodb, sqlite, not "oracle"',
        '--seconds must be a whole number from 1 to 1000000, not "0"',
      ],
    });
    const rest = parseFaultCommand(["--seed", "1x", ...args.slice(6)], Math.random);
    expect(rest.kind === "refused" && rest.problems).toHaveLength(3);
  });

  it.each([[["--sead", "1"]], [["extra"]], [["--seed"]], [["--seed", "-1"]]])("refuses %j", (args) => {
    expect(parseFaultCommand(args, Math.random).kind).toBe("refused");
  });
});

import { expect, it } from "vitest";
import { type BenchOptions, parseBenchCommand } from "./options.ts";
import { SCENARIO_NAMES, scenariosOn } from "./scenarios/names.ts";

const DEFAULTS: BenchOptions = {
  quick: false,
  json: undefined,
  store: "sqlite",
  scenarios: scenariosOn("sqlite"),
  runners: 1,
  concurrency: 1_000,
  directory: undefined,
  profile: undefined,
};

it("runs everything at full size by default", () => {
  expect(parseBenchCommand([])).toEqual({ kind: "run", options: DEFAULTS });
});

it("takes all options", () => {
  const args = "--quick --json a.json --only chain --only submit --runners 2 --concurrency 9 --directory d --profile p";
  expect(parseBenchCommand([...args.split(" "), "--store", "sqlite"])).toEqual({
    kind: "run",
    options: {
      quick: true,
      json: "a.json",
      store: "sqlite",
      scenarios: ["chain", "submit"],
      runners: 2,
      concurrency: 9,
      directory: "d",
      profile: "p",
    },
  });
});

it("lists options and scenarios", () => {
  const command = parseBenchCommand(["--help"]);
  expect(command.kind === "help" && command.text).toMatch(
    /--quick[\s\S]*Scenarios: latency, fan-out[\s\S]*on mongodb also batch/,
  );
});

it("refuses with all problems at once", () => {
  const args = "--only fan-in --runners 0 --concurrency 1.5 --store mysql";
  expect(parseBenchCommand(args.split(" "))).toEqual({
    kind: "refused",
    problems: [
      "--store must be sqlite or mongodb, not mysql",
      expect.stringContaining("--only fan-in is no scenario; there are latency"),
      "--runners must be a whole number from 1 to 16, not 0",
      "--concurrency must be a whole number from 1 to 10000, not 1.5",
    ],
  });
});

it("runs what is about several orchestrators on MongoDB only", () => {
  expect(scenariosOn("sqlite")).not.toContain("replicas");
  const command = parseBenchCommand(["--store", "mongodb"]);
  expect(command).toEqual({ kind: "run", options: { ...DEFAULTS, store: "mongodb", scenarios: SCENARIO_NAMES } });
  expect(parseBenchCommand(["--only", "replicas"])).toEqual({
    kind: "refused",
    problems: ["--only replicas needs --store mongodb"],
  });
});

it("refuses what it does not know", () => {
  const command = parseBenchCommand(["--quik"]);
  expect(command.kind === "refused" && command.problems[0]).toContain("--quik");
});

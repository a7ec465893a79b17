/** All scenarios, in the order in which they run. */
export const SCENARIO_NAMES = [
  "latency",
  "fan-out",
  "map-reduce",
  "recursion",
  "chain",
  "single-jobs",
  "submit",
  "backlog",
  "memory",
] as const;

/** The name of a scenario. */
export type ScenarioName = (typeof SCENARIO_NAMES)[number];

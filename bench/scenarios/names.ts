import type { StoreKind } from "../harness/store.ts";

/** What is measured on every store, in the order in which it runs. */
const ON_EVERY_STORE = [
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

/** What is about a database server that several orchestrators share. */
const ON_MONGODB = ["batch", "bare", "replicas", "cross-replica", "query-plans"] as const;

/** All scenarios. */
export const SCENARIO_NAMES = [...ON_EVERY_STORE, ...ON_MONGODB] as const;

/** The name of a scenario. */
export type ScenarioName = (typeof SCENARIO_NAMES)[number];

/** The scenarios that can be measured on a store, in the order in which they run. */
export function scenariosOn(store: StoreKind): readonly ScenarioName[] {
  return store === "mongodb" ? SCENARIO_NAMES : ON_EVERY_STORE;
}

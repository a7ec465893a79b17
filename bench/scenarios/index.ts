import type { Scenario } from "../harness/bench.ts";
import { backlog } from "./backlog.ts";
import { bare } from "./bare.ts";
import { batch } from "./batch.ts";
import { chain } from "./chain.ts";
import { crossReplica } from "./cross-replica.ts";
import { fanOut } from "./fan-out.ts";
import { latency } from "./latency.ts";
import { mapReduce } from "./map-reduce.ts";
import { memory } from "./memory.ts";
import type { ScenarioName } from "./names.ts";
import { queryPlans } from "./query-plans.ts";
import { recursion } from "./recursion.ts";
import { replicas } from "./replicas.ts";
import { singleJobs } from "./single-jobs.ts";
import { submit } from "./submit.ts";

/** All scenarios by name. */
export const SCENARIOS: Readonly<Record<ScenarioName, Scenario>> = {
  latency,
  "fan-out": fanOut,
  "map-reduce": mapReduce,
  recursion,
  chain,
  "single-jobs": singleJobs,
  submit,
  backlog,
  memory,
  batch,
  bare,
  replicas,
  "cross-replica": crossReplica,
  "query-plans": queryPlans,
};

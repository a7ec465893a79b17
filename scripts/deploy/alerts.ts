import { createMetrics } from "../../services/orchestrator/telemetry/metrics.ts";
import type { DeployFiles } from "./files.ts";

/** What is wrong with the alert rules, a sentence each: metrics that no orchestrator has. */
export async function findAlertProblems({ alerts }: Pick<DeployFiles, "alerts">): Promise<string[]> {
  const metrics = createMetrics();
  metrics.watchStoreSize(async () => 0);
  const known = new Set([...(await metrics.render()).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
  const used = new Set([...alerts.matchAll(/\b(?:taskgrove|nodejs|process)_[a-z0-9_]+/g)].map(([name]) => name));
  return [...used]
    .filter((name) => !known.has(name) && !known.has(name.replace(/_(?:bucket|count|sum)$/, "")))
    .map((name) => `deploy/prometheus/alerts.yaml: there is no metric ${name}`);
}

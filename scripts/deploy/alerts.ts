import { createMetrics } from "../../services/orchestrator/telemetry/metrics.ts";
import type { DeployFiles } from "./files.ts";

/** What is wrong with the alert rules, a sentence each: metrics, labels and values of labels that no orchestrator has. Their syntax is checked by others. */
export async function findAlertProblems({ alerts, operations }: DeployFiles): Promise<string[]> {
  return [...(await problemsOfNames(alerts)), ...problemsOfLabels(alerts, operations)].map(
    (problem) => `deploy/prometheus/alerts.yaml: ${problem}`,
  );
}

async function problemsOfNames(alerts: string): Promise<string[]> {
  const metrics = createMetrics();
  metrics.watchStoreSize(async () => 0);
  const known = new Set([...(await metrics.render()).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
  const used = new Set([...alerts.matchAll(/\b(?:taskgrove|nodejs|process)_[a-z0-9_]+/g)].map(([name]) => name));
  return [...used]
    .filter((name) => !known.has(name) && !known.has(name.replace(/_(?:bucket|count|sum)$/, "")))
    .map((name) => `there is no metric ${name}`);
}

/** Compares `metric{label="value"}` to the row of the metric in the documentation. */
function problemsOfLabels(alerts: string, operations: string): string[] {
  const problems: string[] = [];
  for (const [, metric, label = "", values = ""] of alerts.matchAll(/\b(taskgrove_\w+)\{(\w+)=~?"([^"]+)"\}/g)) {
    const row = operations.split("\n").find((line) => line.startsWith(`| \`${metric}\` `)) ?? "";
    const labels = row
      .split("|")[2]
      ?.split(",")
      .map((name) => name.trim());
    if (!labels?.includes(label)) problems.push(`${metric} has no label ${label}`);
    for (const value of values.split("|")) {
      if (!row.includes(`\`${value}\``)) problems.push(`${metric} is never ${value}`);
    }
  }
  return problems;
}

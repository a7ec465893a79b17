import { describe, expect, it } from "vitest";
import { findAlertProblems } from "./alerts.ts";
import { findComposeProblems } from "./compose.ts";
import { type DeployFiles, loadDeployFiles } from "./files.ts";
import { findKubernetesProblems } from "./kubernetes.ts";

const FILES = loadDeployFiles();

function manifests(file: string, from: string, to: string): DeployFiles {
  return {
    ...FILES,
    kubernetes: new Map(FILES.kubernetes).set(file, changed(FILES.kubernetes.get(file) ?? "", from, to)),
  };
}

function changed(text: string, from: string, to: string): string {
  expect(text).toContain(from);
  return text.replace(from, to);
}

describe("what is deployed", () => {
  it("fits together", async () => {
    expect(findComposeProblems(FILES)).toEqual([]);
    expect(findKubernetesProblems(FILES)).toEqual([]);
    expect(await findAlertProblems(FILES)).toEqual([]);
  });

  it.each([
    ["orchestrator.yaml", "TASKGROVE_STORE", "TASKGROVE_STOER", "TASKGROVE_STOER is not a known variable"],
    ["orchestrator.yaml", "value: mongodb", "value: mongo", 'TASKGROVE_STORE is "mongo"'],
    [
      "orchestrator.yaml",
      "key: uri",
      "key: url",
      "TASKGROVE_MONGODB_URI is taken from a Secret or a key of it that is not there",
    ],
    [
      "orchestrator.yaml",
      "PeriodSeconds: 30",
      "PeriodSeconds: 15",
      "may need 15000 ms to stop and is killed after 15000 ms",
    ],
    ["orchestrator.yaml", "seconds: 5", "seconds: 1", "preStop is too short"],
    [
      "orchestrator.yaml",
      "containerPort: 4151",
      "containerPort: 4152",
      "the port http is 4152; orchestrator listens on 4151",
    ],
    ["orchestrator.yaml", "path: /healthz", "path: /health", "startupProbe asks for /health"],
    ["orchestrator.yaml", "port: http", "port: grpc", "startupProbe asks for /healthz at the port grpc"],
    ["orchestrator.yaml", 'port: "4151"', 'port: "4150"', "orchestrator is not scraped at its port http"],
    ["orchestrator.yaml", "serviceAccountName: orchestrator", "serviceAccountName: other", "service account other"],
    ["orchestrator.yaml", "enableServiceLinks: false", "enableServiceLinks: true", "enableServiceLinks must be false"],
    ["orchestrator.yaml", "runAsUser: 1000", "runAsUser: 2000", "runs as 2000:1000; the image is made for 1000:1000"],
    ["orchestrator.yaml", "image: taskgrove-orchestrator", "image: taskgrove", "which no Dockerfile makes"],
    ["orchestrator.yaml", "namespace: taskgrove", "namespace: other", "is in the namespace other"],
    ["services.yaml", "targetPort: grpc", "targetPort: rpc", "leads to the port rpc"],
    ["services.yaml", "component: orchestrator\n  ports", "component: server\n  ports", "selects no pods"],
    [
      "services.yaml",
      "name: orchestrator-pods",
      "name: pods",
      "connects to orchestrator-pods:4150, which no Service is",
    ],
    ["network-policies.yaml", "port: 4150", "port: 4155", "opens 4155, where nothing listens"],
    ["network-policies.yaml", "component: runner", "component: other", "lets runner in at orchestrator-pods:4150"],
    ["network-policies.yaml", "port: 27017", "port: 27018", "lets orchestrator out to port 27017"],
    ["runner.yaml", "--concurrency", "--concurency", "would not start"],
    ["runner.yaml", "PeriodSeconds: 60", "PeriodSeconds: 45", "is killed after 45000 ms"],
    ["kustomization.yaml", "  - runner.yaml\n", "", "runner.yaml is no resource of the kustomization"],
    ["kustomization.yaml", "  - runner.yaml\n", "  - runners.yaml\n", "the resource runners.yaml is not there"],
    ["kustomization.yaml", "newTag: 0.1.0", "newTag: 9.9.9", "as 9.9.9; the version is 0.1.0"],
  ])("shows when in %s %j becomes %j", (file, from, to, problem) => {
    expect(findKubernetesProblems(manifests(file, from, to)).join("\n")).toContain(problem);
  });

  it.each([
    ["TASKGROVE_STORE: mongodb", "TASKGROVE_STORE: mongo", 'TASKGROVE_STORE is "mongo"'],
    ["replicaSet=rs0", "replicaSet=rs1", "wants another replica set than rs0"],
    ["orchestrators:4150", "orchestrators:4151", "connects to orchestrators:4151, where no orchestrator is"],
    ["taskgrove-orchestrator:0.1.0", "taskgrove-orchestrator:0.2.0", "has the image tag 0.2.0"],
    ["stop_grace_period: 20s", "stop_grace_period: 5s", "is killed after 5 s"],
  ])("shows when in compose.yaml %j becomes %j", (from, to, problem) => {
    expect(findComposeProblems({ ...FILES, compose: changed(FILES.compose, from, to) }).join("\n")).toContain(problem);
  });

  it.each([
    ["transactions_failed_total", "transactions_lost_total", "there is no metric taskgrove_transactions_lost_total"],
    ["{cause=", "{reason=", "taskgrove_leases_ended_total has no label reason"],
    ['"expired"', '"lapsed"', "taskgrove_leases_ended_total is never lapsed"],
    ["computed|failed", "computed|broken", "taskgrove_outcomes_total is never broken"],
  ])("shows when in the alerts %j becomes %j", async (from, to, problem) => {
    const alerts = changed(FILES.alerts, from, to);
    expect((await findAlertProblems({ ...FILES, alerts })).join("\n")).toContain(problem);
  });
});

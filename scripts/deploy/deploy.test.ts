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
    ["orchestrator.yaml", "key: uri", "key: url", "needs url of the secret taskgrove-mongodb"],
    [
      "orchestrator.yaml",
      "terminationGracePeriodSeconds: 30",
      "terminationGracePeriodSeconds: 15",
      "is killed after 15 s",
    ],
    ["orchestrator.yaml", "containerPort: 4151", "containerPort: 4152", "names the port http, where nothing listens"],
    ["orchestrator.yaml", "serviceAccountName: orchestrator", "serviceAccountName: other", "service account other"],
    ["orchestrator.yaml", "enableServiceLinks: false", "enableServiceLinks: true", "gets variables of services"],
    ["orchestrator.yaml", "image: taskgrove-orchestrator", "image: taskgrove", "which no Dockerfile makes"],
    ["services.yaml", "targetPort: grpc", "targetPort: rpc", "leads to the port rpc"],
    ["services.yaml", "component: orchestrator\n  ports", "component: server\n  ports", "selects no pods"],
    [
      "services.yaml",
      "name: orchestrator-pods",
      "name: pods",
      "connects to orchestrator-pods:4150, which is no service",
    ],
    ["network-policies.yaml", "port: 4150", "port: 4155", "lets in to the port 4155"],
    ["runner.yaml", "--concurrency", "--concurency", "would not start"],
    ["kustomization.yaml", "  - runner.yaml\n", "", "does not list runner.yaml"],
    ["kustomization.yaml", "newTag: 0.1.0", "newTag: 9.9.9", "has the tag 9.9.9"],
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

  it("shows an alert on a metric that does not exist", async () => {
    const alerts = changed(FILES.alerts, "taskgrove_transactions_failed_total", "taskgrove_transactions_lost_total");
    expect(await findAlertProblems({ alerts })).toEqual([
      "deploy/prometheus/alerts.yaml: there is no metric taskgrove_transactions_lost_total",
    ]);
  });
});

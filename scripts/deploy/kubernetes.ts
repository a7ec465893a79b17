import { parse } from "yaml";
import type { DeployFiles } from "./files.ts";
import { findNetworkProblems } from "./kubernetes-network.ts";
import {
  type Container,
  type Kustomization,
  type Manifests,
  parseManifests,
  selects,
  settingsOf,
  type Workload,
} from "./manifests.ts";
import { loadPrograms, type Program } from "./programs.ts";

/** The paths that the orchestrator answers; telemetry/http-server.ts. */
const HEALTH_PATHS = ["/healthz", "/readyz"];
/** For endpoints and proxies to hear of a stop, at least, before it begins. */
const MIN_PRE_STOP_SECONDS = 3;

/**
 * What is wrong with the manifests in deploy/kubernetes, a sentence each: selectors, ports, keys and names that stand for nothing, and settings
 * that the programs would refuse. Their schemas are checked by others.
 */
export function findKubernetesProblems(files: DeployFiles): string[] {
  const manifests = parseManifests(files.kubernetes);
  const kustomization = parse(files.kubernetes.get("kustomization.yaml") ?? "") as Kustomization;
  const programs = loadPrograms(files);
  return [
    ...problemsOfKustomization(files, manifests, kustomization, programs),
    ...problemsOfSelectors(manifests),
    ...manifests.workloads.flatMap((workload) => problemsOfWorkload(workload, manifests, programs)),
    ...findNetworkProblems(manifests),
  ].map((problem) => `deploy/kubernetes: ${problem}`);
}

function problemsOfKustomization(
  files: DeployFiles,
  manifests: Manifests,
  { resources, namespace, images }: Kustomization,
  programs: readonly Program[],
): string[] {
  const problems: string[] = [];
  const applied = [...files.kubernetes.keys()].filter(
    (name) => name !== "kustomization.yaml" && !name.includes(".example."),
  );
  for (const name of applied)
    if (!resources.includes(name)) problems.push(`${name} is no resource of the kustomization`);
  for (const name of resources) if (!applied.includes(name)) problems.push(`the resource ${name} is not there`);
  for (const { kind, metadata } of manifests.all) {
    const found = kind === "Namespace" ? metadata.name : metadata.namespace;
    if (found !== namespace)
      problems.push(`${kind} ${metadata.name} is in the namespace ${found}, not in ${namespace}`);
  }
  for (const { image } of programs) {
    const tag = images.find(({ name }) => name === image)?.newTag;
    if (tag !== files.version)
      problems.push(`the kustomization has ${image} as ${tag}; the version is ${files.version}`);
  }
  return problems;
}

function problemsOfSelectors({ all, workloads, services, budgets, policies }: Manifests): string[] {
  const problems: string[] = [];
  for (const { metadata, spec } of workloads) {
    const { labels } = spec.template.metadata;
    if (!selects(spec.selector.matchLabels, labels))
      problems.push(`Deployment ${metadata.name} does not select its own pods`);
    for (const { labelSelector } of spec.template.spec.topologySpreadConstraints ?? []) {
      if (!selects(labelSelector.matchLabels, labels))
        problems.push(`Deployment ${metadata.name} spreads other pods than its own`);
    }
    const account = spec.template.spec.serviceAccountName;
    if (account !== undefined && !all.some((one) => one.kind === "ServiceAccount" && one.metadata.name === account)) {
      problems.push(`Deployment ${metadata.name} has the service account ${account}, which is not there`);
    }
  }
  const selectors = [
    ...services.map((one) => ({ one, selector: one.spec.selector })),
    ...budgets.map((one) => ({ one, selector: one.spec.selector.matchLabels })),
    ...policies.map((one) => ({ one, selector: one.spec.podSelector.matchLabels })),
  ];
  for (const { one, selector } of selectors) {
    if (!workloads.some(({ spec }) => selects(selector, spec.template.metadata.labels))) {
      problems.push(`${one.kind} ${one.metadata.name} selects no pods`);
    }
  }
  return problems;
}

function problemsOfWorkload(workload: Workload, manifests: Manifests, programs: readonly Program[]): string[] {
  const problems: string[] = [];
  const { metadata, spec } = workload.spec.template;
  for (const container of spec.containers) {
    const program = programs.find(({ image }) => image === container.image);
    if (program === undefined)
      problems.push(`${container.name} has the image ${container.image}, which no Dockerfile makes`);
    else
      problems.push(...problemsOfProgram(container, program, spec, manifests), ...problemsOfHealth(container, program));
    if (!isScrapedWhereItListens(container, metadata.annotations))
      problems.push(`${container.name} is not scraped at its port http`);
  }
  return problems.map((problem) => `Deployment ${workload.metadata.name}: ${problem}`);
}

function problemsOfProgram(
  container: Container,
  program: Program,
  pod: Workload["spec"]["template"]["spec"],
  manifests: Manifests,
): string[] {
  const problems: string[] = [];
  const settings = settingsOf(container, manifests);
  const unset = (container.env ?? []).filter(({ name }) => settings[name] === undefined);
  for (const { name } of unset) problems.push(`${name} is taken from a Secret or a key of it that is not there`);
  const started = program.start(settings, container.args ?? []);
  problems.push(...started.problems.map((problem) => `${container.name} would not start: ${problem}`));
  for (const [name, port] of Object.entries(started.ports)) {
    const declared = container.ports?.find((one) => one.name === name)?.containerPort;
    if (declared !== port) problems.push(`the port ${name} is ${declared}; ${container.name} listens on ${port}`);
  }
  const graceMs = (pod.terminationGracePeriodSeconds ?? 30) * 1_000;
  const neededMs = (container.lifecycle?.preStop?.sleep?.seconds ?? 0) * 1_000 + started.stopsWithinMs;
  if (graceMs <= neededMs)
    problems.push(`${container.name} may need ${neededMs} ms to stop and is killed after ${graceMs} ms`);
  if (pod.enableServiceLinks !== false)
    problems.push("enableServiceLinks must be false, else Services become settings");
  const user = `${pod.securityContext?.runAsUser}:${pod.securityContext?.runAsGroup}`;
  if (user !== program.config.user) problems.push(`runs as ${user}; the image is made for ${program.config.user}`);
  return problems;
}

/** Only what listens can be asked. */
function problemsOfHealth(container: Container, program: Program): string[] {
  if (program.config.ports.length === 0) return [];
  const { startupProbe, livenessProbe, readinessProbe, lifecycle } = container;
  const problems: string[] = [];
  for (const [name, probe] of Object.entries({ startupProbe, livenessProbe, readinessProbe })) {
    const { path = "", port } = probe?.httpGet ?? {};
    if (port !== "http" || !HEALTH_PATHS.includes(path)) problems.push(`${name} asks for ${path} at the port ${port}`);
  }
  if (livenessProbe?.httpGet?.path === "/readyz")
    problems.push("livenessProbe restarts pods when the database is away");
  if ((lifecycle?.preStop?.sleep?.seconds ?? 0) < MIN_PRE_STOP_SECONDS)
    problems.push("preStop is too short for endpoints to go");
  return problems;
}

function isScrapedWhereItListens(container: Container, annotations: Readonly<Record<string, string>> = {}): boolean {
  if (annotations["prometheus.io/scrape"] !== "true") return !container.ports?.some(({ name }) => name === "http");
  const port = container.ports?.find(({ name }) => name === "http")?.containerPort;
  return annotations["prometheus.io/port"] === `${port}` && annotations["prometheus.io/path"] === "/metrics";
}

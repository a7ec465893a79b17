import { parseAllDocuments } from "yaml";
import type { DeployFiles } from "./files.ts";
import { loadPrograms, type Started } from "./programs.ts";

/** The part of a manifest that is looked at. Its schema is checked before. */
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: Spec;
  readonly stringData?: Readonly<Record<string, string>>;
  readonly resources?: readonly string[];
  readonly images?: readonly { readonly name: string; readonly newTag: string }[];
}

interface Spec {
  readonly selector?: Labels & { readonly matchLabels?: Labels };
  readonly podSelector?: { readonly matchLabels?: Labels };
  readonly template?: { readonly metadata: { readonly labels: Labels }; readonly spec: PodSpec };
  readonly ports?: readonly { readonly name: string; readonly targetPort: string }[];
  readonly ingress?: readonly { readonly ports: readonly { readonly port: number }[] }[];
}

interface PodSpec {
  readonly containers: readonly Container[];
  readonly serviceAccountName?: string;
  readonly enableServiceLinks?: boolean;
  readonly terminationGracePeriodSeconds: number;
}

interface Container {
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: readonly Variable[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly lifecycle?: { readonly preStop?: { readonly sleep?: { readonly seconds: number } } };
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
}

interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly secretKeyRef: { readonly name: string; readonly key: string } };
}

interface Probe {
  readonly httpGet: { readonly port: string };
}

type Labels = Readonly<Record<string, string>>;

/** What is wrong with the manifests, a sentence each: settings that a program would refuse, and names that stand for nothing. */
export function findKubernetesProblems(files: DeployFiles): string[] {
  const byFile = new Map(
    [...files.kubernetes].map(([file, text]) => [file, parseAllDocuments(text).map((one) => one.toJS() as Manifest)]),
  );
  const manifests = [...byFile.values()].flat();
  const context = { files, manifests, programs: loadPrograms(files) };
  return [
    ...manifests.flatMap((manifest) => problemsOf(manifest, context).map((text) => `${nameOf(manifest)} ${text}`)),
    ...problemsOfKustomization(byFile, files.version),
  ].map((problem) => `deploy/kubernetes: ${problem}`);
}

interface Context {
  readonly files: DeployFiles;
  readonly manifests: readonly Manifest[];
  readonly programs: ReturnType<typeof loadPrograms>;
}

function problemsOf(manifest: Manifest, context: Context): string[] {
  const { spec } = manifest;
  if (spec === undefined) return [];
  const selected = selectedPods(spec, context.manifests);
  const problems = selected !== null && selected.length === 0 ? ["selects no pods"] : [];
  const containers = (selected ?? []).flatMap((one) => one.spec?.template?.spec.containers ?? []);
  const names = containers.flatMap(({ ports = [] }) => ports.map(({ name }) => name));
  for (const { targetPort } of manifest.kind === "Service" ? (spec.ports ?? []) : []) {
    if (!names.includes(targetPort)) problems.push(`leads to the port ${targetPort}, which its pods do not name`);
  }
  const numbers = containers.flatMap(({ ports = [] }) => ports.map(({ containerPort }) => containerPort));
  for (const { port } of (spec.ingress ?? []).flatMap(({ ports }) => ports)) {
    if (!numbers.includes(port)) problems.push(`lets in to the port ${port}, where its pods do not listen`);
  }
  return spec.template === undefined ? problems : [...problems, ...problemsOfPod(spec.template.spec, context)];
}

/** null: it selects nothing by its kind. */
function selectedPods({ selector, podSelector }: Spec, manifests: readonly Manifest[]): Manifest[] | null {
  const wanted = selector?.matchLabels ?? podSelector?.matchLabels ?? selector;
  if (wanted === undefined) return null;
  return manifests.filter(({ spec }) => {
    const labels = spec?.template?.metadata.labels;
    return labels !== undefined && Object.entries(wanted).every(([key, value]) => labels[key] === value);
  });
}

function problemsOfPod(pod: PodSpec, context: Context): string[] {
  const { manifests } = context;
  const problems: string[] = [];
  const account = pod.serviceAccountName;
  if (
    account !== undefined &&
    !manifests.some((one) => one.kind === "ServiceAccount" && one.metadata.name === account)
  ) {
    problems.push(`runs as the service account ${account}, which is not there`);
  }
  if (pod.enableServiceLinks !== false) problems.push("gets variables of services, which look like settings");
  return [...problems, ...pod.containers.flatMap((container) => problemsOfContainer(container, pod, context))];
}

function problemsOfContainer(container: Container, pod: PodSpec, { manifests, programs }: Context): string[] {
  const program = programs.find(({ image }) => image === container.image);
  if (program === undefined) return [`has the image ${container.image}, which no Dockerfile makes`];
  const { env = [], args = [] } = container;
  const secrets = env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef ?? []);
  const values = env.map(({ name, value, valueFrom }) => [
    name,
    value ?? secretValue(manifests, valueFrom?.secretKeyRef),
  ]);
  const started = program.start(Object.fromEntries(values) as Record<string, string>, args);
  return [
    ...started.problems.map((problem) => `would not start: ${problem}`),
    ...secrets
      .filter((ref) => secretValue(manifests, ref) === undefined)
      .map(({ name, key }) => `needs ${key} of the secret ${name}, which has no template`),
    ...problemsOfStop(container, pod, started),
    ...problemsOfPorts(container, started),
    ...problemsOfAddress(env, manifests),
  ];
}

function secretValue(
  manifests: readonly Manifest[],
  ref: { readonly name: string; readonly key: string } | undefined,
): string | undefined {
  const secret = manifests.find((one) => one.kind === "Secret" && one.metadata.name === ref?.name);
  return secret?.stringData?.[ref?.key ?? ""];
}

function problemsOfStop({ lifecycle }: Container, pod: PodSpec, { stopsWithinMs }: Started): string[] {
  const needed = (lifecycle?.preStop?.sleep?.seconds ?? 0) + stopsWithinMs / 1_000;
  const grace = pod.terminationGracePeriodSeconds;
  return grace > needed ? [] : [`is killed after ${grace} s; it may need ${needed} s to stop`];
}

function problemsOfPorts(container: Container, { ports }: Started): string[] {
  const { ports: named = [], startupProbe, livenessProbe, readinessProbe } = container;
  const problems: string[] = [];
  for (const { name, containerPort } of named) {
    if (!Object.values(ports).includes(containerPort)) problems.push(`names the port ${name}, where nothing listens`);
  }
  for (const probe of [startupProbe, livenessProbe, readinessProbe]) {
    const port = probe?.httpGet.port;
    const found = named.find(({ name }) => name === port)?.containerPort;
    if (port !== undefined && found !== ports.http) problems.push(`is probed at ${port}, where no health is served`);
  }
  return problems;
}

function problemsOfAddress(env: readonly Variable[], manifests: readonly Manifest[]): string[] {
  const address = env.find(({ name }) => name === "TASKGROVE_ADDRESS")?.value;
  if (address === undefined) return [];
  const host = address.split(":")[0];
  const isService = manifests.some((one) => one.kind === "Service" && one.metadata.name === host);
  return isService ? [] : [`connects to ${address}, which is no service`];
}

function problemsOfKustomization(byFile: ReadonlyMap<string, readonly Manifest[]>, version: string): string[] {
  const kustomization = byFile.get("kustomization.yaml")?.[0];
  const listed = kustomization?.resources ?? [];
  const files = [...byFile.keys()].filter((file) => file !== "kustomization.yaml" && !file.includes(".example."));
  return [
    ...listed.filter((file) => !byFile.has(file)).map((file) => `kustomization.yaml lists ${file}, which is not there`),
    ...files.filter((file) => !listed.includes(file)).map((file) => `kustomization.yaml does not list ${file}`),
    ...(kustomization?.images ?? [])
      .filter(({ newTag }) => newTag !== version)
      .map(({ name, newTag }) => `kustomization.yaml has the tag ${newTag} of ${name}; the version is ${version}`),
  ];
}

function nameOf({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata?.name ?? ""}`.trim();
}

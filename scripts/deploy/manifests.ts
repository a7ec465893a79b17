import { parseAllDocuments } from "yaml";

/** Labels that must all be there. */
export type Labels = Readonly<Record<string, string>>;

/** The parts of the manifests that are looked at. Their schemas are checked before. */
export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

export interface Workload extends Manifest {
  readonly spec: { readonly selector: { readonly matchLabels: Labels }; readonly template: PodTemplate };
}

export interface PodTemplate {
  readonly metadata: { readonly labels: Labels; readonly annotations?: Labels };
  readonly spec: {
    readonly serviceAccountName?: string;
    readonly enableServiceLinks?: boolean;
    readonly terminationGracePeriodSeconds?: number;
    readonly securityContext?: { readonly runAsUser?: number; readonly runAsGroup?: number };
    readonly topologySpreadConstraints?: readonly { readonly labelSelector: { readonly matchLabels: Labels } }[];
    readonly containers: readonly Container[];
  };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: readonly EnvVariable[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly lifecycle?: { readonly preStop?: { readonly sleep?: { readonly seconds: number } } };
}

export interface EnvVariable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly secretKeyRef?: { readonly name: string; readonly key: string } };
}

export interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string };
}

export interface Service extends Manifest {
  readonly spec: {
    readonly selector: Labels;
    readonly ports: readonly { readonly port: number; readonly targetPort: string }[];
  };
}

export interface Budget extends Manifest {
  readonly spec: { readonly selector: { readonly matchLabels: Labels } };
}

export interface NetworkPolicy extends Manifest {
  readonly spec: {
    readonly podSelector: { readonly matchLabels: Labels };
    readonly ingress?: readonly { readonly from: readonly Peer[]; readonly ports: readonly Port[] }[];
    readonly egress?: readonly { readonly to?: readonly Peer[]; readonly ports: readonly Port[] }[];
  };
}

export interface Peer {
  readonly namespaceSelector?: object;
  readonly podSelector?: { readonly matchLabels?: Labels };
}

export interface Port {
  readonly port: number;
}

export interface Secret extends Manifest {
  readonly stringData: Labels;
}

export interface Kustomization {
  readonly namespace: string;
  readonly resources: readonly string[];
  readonly images: readonly { readonly name: string; readonly newTag: string }[];
}

/** All manifests by kind. */
export interface Manifests {
  readonly all: readonly Manifest[];
  readonly workloads: readonly Workload[];
  readonly services: readonly Service[];
  readonly budgets: readonly Budget[];
  readonly policies: readonly NetworkPolicy[];
  readonly secrets: readonly Secret[];
}

/** Parses all documents of the files, except for the kustomization, which is no resource. */
export function parseManifests(files: ReadonlyMap<string, string>): Manifests {
  const all = [...files]
    .filter(([name]) => name !== "kustomization.yaml")
    .flatMap(([, text]) => parseAllDocuments(text).map((document) => document.toJS() as Manifest));
  const ofKind = <T extends Manifest>(kind: string) => all.filter((one): one is T => one.kind === kind);
  return {
    all,
    workloads: ofKind<Workload>("Deployment"),
    services: ofKind<Service>("Service"),
    budgets: ofKind<Budget>("PodDisruptionBudget"),
    policies: ofKind<NetworkPolicy>("NetworkPolicy"),
    secrets: ofKind<Secret>("Secret"),
  };
}

/** Whether labels have all that a selector wants. */
export function selects(selector: Labels, labels: Labels): boolean {
  return Object.entries(selector).every(([name, value]) => labels[name] === value);
}

/** What the program of a container is told: plain values, and those of the example of a Secret. */
export function settingsOf(container: Container, { secrets }: Manifests): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const { name, value, valueFrom } of container.env ?? []) {
    const { secretKeyRef } = valueFrom ?? {};
    const secret = secrets.find(({ metadata }) => metadata.name === secretKeyRef?.name);
    const text = value ?? secret?.stringData[secretKeyRef?.key ?? ""];
    if (text !== undefined) settings[name] = text;
  }
  return settings;
}

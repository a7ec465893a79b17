import {
  type Container,
  type Manifests,
  type NetworkPolicy,
  type Service,
  selects,
  settingsOf,
  type Workload,
} from "./manifests.ts";

const DNS_PORT = 53;
const MONGODB_PORT = 27017;

/** What is wrong with how the pods reach each other: Services, addresses in settings, and network policies. */
export function findNetworkProblems(manifests: Manifests): string[] {
  return [
    ...manifests.services.flatMap((service) => problemsOfService(service, manifests)),
    ...manifests.policies.flatMap((policy) => problemsOfPolicy(policy, manifests)),
    ...manifests.workloads.flatMap((workload) => problemsOfAddress(workload, manifests)),
    ...manifests.workloads.flatMap((workload) => problemsOfDatabase(workload, manifests)),
  ];
}

function problemsOfService({ metadata, spec }: Service, manifests: Manifests): string[] {
  const names = containersBehind(spec.selector, manifests).flatMap(({ ports = [] }) => ports.map(({ name }) => name));
  return spec.ports
    .filter(({ targetPort }) => !names.includes(targetPort))
    .map(({ targetPort }) => `Service ${metadata.name} leads to the port ${targetPort}, which no container has`);
}

function problemsOfPolicy({ metadata, spec }: NetworkPolicy, manifests: Manifests): string[] {
  const ports = containersBehind(spec.podSelector.matchLabels, manifests).flatMap((one) => one.ports ?? []);
  return (spec.ingress ?? [])
    .flatMap((rule) => rule.ports)
    .filter(({ port }) => !ports.some(({ containerPort }) => containerPort === port))
    .map(({ port }) => `NetworkPolicy ${metadata.name} opens ${port}, where nothing listens`);
}

/** A TASKGROVE_ADDRESS must name a Service of ours, and the policies must let its pods in. */
function problemsOfAddress(workload: Workload, manifests: Manifests): string[] {
  const problems: string[] = [];
  for (const container of workload.spec.template.spec.containers) {
    const address = settingsOf(container, manifests).TASKGROVE_ADDRESS;
    if (address === undefined) continue;
    const [host = "", port] = address.split(":");
    const service = manifests.services.find(({ metadata }) => metadata.name === host.split(".")[0]);
    const entry = service?.spec.ports.find((one) => `${one.port}` === port);
    if (service === undefined || entry === undefined)
      problems.push(`${container.name} connects to ${address}, which no Service is`);
    else if (!isLetIn(workload, service, entry.targetPort, manifests)) {
      problems.push(`no NetworkPolicy lets ${container.name} in at ${address}`);
    }
  }
  return problems;
}

function isLetIn(from: Workload, service: Service, targetPort: string, manifests: Manifests): boolean {
  const { labels } = from.spec.template.metadata;
  return manifests.workloads
    .filter(({ spec }) => selects(service.spec.selector, spec.template.metadata.labels))
    .every((target) => {
      const port = portsOf(target).find(({ name }) => name === targetPort)?.containerPort;
      const rules = policiesOf(target, manifests).flatMap(({ spec }) => spec.ingress ?? []);
      return rules.some(
        (rule) =>
          rule.ports.some((one) => one.port === port) &&
          rule.from.some(
            ({ namespaceSelector, podSelector }) =>
              namespaceSelector === undefined && selects(podSelector?.matchLabels ?? {}, labels),
          ),
      );
    });
}

/** Whoever keeps jobs in MongoDB must be let out to it, and to the name servers that know where it is. */
function problemsOfDatabase(workload: Workload, manifests: Manifests): string[] {
  const problems: string[] = [];
  const rules = policiesOf(workload, manifests).flatMap(({ spec }) => spec.egress ?? []);
  const open = rules.flatMap(({ ports }) => ports.map(({ port }) => port));
  for (const container of workload.spec.template.spec.containers) {
    const uri = settingsOf(container, manifests).TASKGROVE_MONGODB_URI;
    for (const port of uri === undefined ? [] : [DNS_PORT, ...portsIn(uri)]) {
      if (!open.includes(port)) problems.push(`no NetworkPolicy lets ${container.name} out to port ${port}`);
    }
  }
  return problems;
}

function portsIn(uri: string): number[] {
  const hosts = /^mongodb(?:\+srv)?:\/\/(?:[^@/]*@)?([^/?]*)/.exec(uri)?.[1] ?? "";
  return [...new Set(hosts.split(",").map((host) => Number(host.split(":")[1] ?? MONGODB_PORT)))];
}

function containersBehind(selector: Readonly<Record<string, string>>, { workloads }: Manifests): readonly Container[] {
  return workloads
    .filter(({ spec }) => selects(selector, spec.template.metadata.labels))
    .flatMap(({ spec }) => spec.template.spec.containers);
}

function policiesOf({ spec }: Workload, { policies }: Manifests): NetworkPolicy[] {
  return policies.filter((policy) => selects(policy.spec.podSelector.matchLabels, spec.template.metadata.labels));
}

function portsOf({ spec }: Workload) {
  return spec.template.spec.containers.flatMap(({ ports = [] }) => ports);
}

import { parse } from "yaml";
import type { DeployFiles } from "./files.ts";
import { loadPrograms, type Program, type Started } from "./programs.ts";

/** The part of a compose file that is looked at. Its schema is checked before. */
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes?: Readonly<Record<string, unknown>>;
}

interface Service {
  readonly image: string;
  readonly build?: string | { readonly dockerfile?: string };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly networks?: { readonly default?: { readonly aliases?: readonly string[] } };
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly healthcheck?: object;
  readonly stop_grace_period?: string;
}

/** A service that is made of one of our images. */
interface Ours {
  readonly name: string;
  readonly service: Service;
  readonly program: Program;
  readonly started: Started;
}

/** What is wrong with compose.yaml, a sentence each: settings that a program would refuse, and names that stand for nothing. */
export function findComposeProblems(files: DeployFiles): string[] {
  const compose = parse(files.compose, { merge: true }) as Compose;
  const programs = loadPrograms(files);
  const services = Object.entries(compose.services);
  const ours = services.flatMap(([name, service]) => {
    const program = programs.find(({ image }) => image === service.image.split(":", 1)[0]);
    if (program === undefined) return [];
    return [{ name, service, program, started: program.start(service.environment ?? {}, service.command ?? []) }];
  });
  return [
    ...programs
      .filter((program) => !ours.some((one) => one.program === program))
      .map(({ image }) => `no service has the image ${image}`),
    ...ours.flatMap((one) => problemsOf(one, files.version)),
    ...ours.flatMap((one) => problemsOfAddresses(one, compose, ours)),
    ...services.flatMap(([name, service]) => problemsOfNames(name, service, compose, ours)),
  ].map((problem) => `compose.yaml: ${problem}`);
}

function problemsOf({ name, service, program, started }: Ours, version: string): string[] {
  const problems = started.problems.map((problem) => `${name} would not start: ${problem}`);
  const tag = service.image.split(":")[1];
  if (tag !== version) problems.push(`${name} has the image tag ${tag}; the version is ${version}`);
  const dockerfile = typeof service.build === "object" ? service.build.dockerfile : service.build && "Dockerfile";
  if (dockerfile !== program.dockerfile)
    problems.push(`${name} is built by ${dockerfile}, not by ${program.dockerfile}`);
  const graceSeconds = Number(/^(\d+)s$/.exec(service.stop_grace_period ?? "")?.[1] ?? 0);
  if (graceSeconds * 1_000 <= started.stopsWithinMs) {
    problems.push(`${name} is killed after ${graceSeconds} s; it may need ${started.stopsWithinMs / 1_000} s to stop`);
  }
  for (const port of service.ports ?? []) {
    const inside = Number(port.split(":").at(-1));
    if (!Object.values(started.ports).includes(inside))
      problems.push(`${name} publishes ${inside}, where nothing listens`);
    if (!port.startsWith("127.0.0.1:")) problems.push(`${name} publishes ${port} to more than this machine`);
  }
  return problems;
}

function problemsOfAddresses({ name, service }: Ours, compose: Compose, ours: readonly Ours[]): string[] {
  const { TASKGROVE_ADDRESS: address, TASKGROVE_MONGODB_URI: uri } = service.environment ?? {};
  const problems: string[] = [];
  if (address !== undefined) {
    const [host = "", port] = address.split(":");
    const found = ours.filter((one) => namesOf(one).includes(host));
    if (found.length === 0 || found.some(({ started }) => started.ports.grpc !== Number(port))) {
      problems.push(`${name} connects to ${address}, where no orchestrator is`);
    }
  }
  if (uri !== undefined) {
    const { hostname, searchParams } = new URL(uri);
    const command = compose.services[hostname]?.command ?? [];
    const set = command[command.indexOf("--replSet") + 1];
    if (command[0] !== "mongod") problems.push(`${name} keeps jobs at ${hostname}, which is no MongoDB server`);
    else if (searchParams.get("replicaSet") !== set) problems.push(`${name} wants another replica set than ${set}`);
  }
  return problems;
}

function namesOf({ name, service }: Ours): string[] {
  return [name, ...(service.networks?.default?.aliases ?? [])];
}

function problemsOfNames(name: string, service: Service, compose: Compose, ours: readonly Ours[]): string[] {
  const problems: string[] = [];
  for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
    const needed = compose.services[other];
    const image = ours.find((one) => one.name === other)?.program.config;
    if (needed === undefined) problems.push(`${name} depends on ${other}, which is not there`);
    else if (condition === "service_healthy" && !needed.healthcheck && !image?.healthcheck) {
      problems.push(`${name} waits until ${other} is healthy, which has no health check`);
    }
  }
  for (const volume of service.volumes ?? []) {
    const [source = ""] = volume.split(":");
    if (!(source in (compose.volumes ?? {}))) problems.push(`${name} uses the volume ${source}, which is not declared`);
  }
  return problems;
}

/** What the suite consists of. */
export interface Topology {
  readonly orchestrators: number;
  readonly runners: number;
  /** Whether there is a database server of its own, which can be disturbed. */
  readonly hasDatabase: boolean;
}

export const DATABASE = "database";
export const SUBMITTER = "submitter";
/** What all of it runs on. */
export const MACHINE = "machine";

export function orchestratorNames({ orchestrators }: Topology): string[] {
  return Array.from({ length: orchestrators }, (_, index) => `orchestrator-${index + 1}`);
}

export function runnerNames({ runners }: Topology): string[] {
  return Array.from({ length: runners }, (_, index) => `runner-${index + 1}`);
}

/** The link that `from` connects to `to` through. */
export function linkName(from: string, to: string): string {
  return `${from}>${to}`;
}

/** All links: every runner and the submitter to every orchestrator, every orchestrator to the database. */
export function linkNames(topology: Topology): string[] {
  const orchestrators = orchestratorNames(topology);
  const clients = [...runnerNames(topology), SUBMITTER];
  const toOrchestrators = clients.flatMap((from) => orchestrators.map((to) => linkName(from, to)));
  return [...toOrchestrators, ...(topology.hasDatabase ? orchestrators.map((from) => linkName(from, DATABASE)) : [])];
}

/** The links that begin or end at one of the parts. */
export function linksOf(topology: Topology, part: string): string[] {
  return linkNames(topology).filter((name) => name.split(">").includes(part));
}

import type { LinkMode } from "./proxy.ts";
import { type Random, seededRandom } from "./random.ts";
import { DATABASE, linkNames, linksOf, orchestratorNames, runnerNames, SUBMITTER, type Topology } from "./topology.ts";

/** Something that is done to the system, and undone after a while. */
export type Disturbance = {
  /** From the beginning of the round, in milliseconds. */
  readonly atMs: number;
  readonly lastsMs: number;
  /** Disturbances of one row never overlap. */
  readonly row: Row;
} & (
  | {
      /** `kill`: SIGKILL, and started again afterwards. `freeze`: SIGSTOP, and SIGCONT afterwards. */
      readonly kind: "kill" | "freeze";
      readonly target: string;
    }
  | { readonly kind: "link"; readonly links: readonly string[]; readonly where: string; readonly mode: LinkMode }
);

type Row = "runners" | "servers" | "links";

/** What a schedule is made for. */
export interface ScheduleOptions {
  readonly seed: number;
  readonly round: number;
  readonly durationMs: number;
  readonly leaseMs: number;
  readonly topology: Topology;
}

/** After so long everything is left alone for {@link CALM_MS}, so that whatever was held up gets on. */
const STORM_MS = 12_000;
const CALM_MS = 3_000;

/**
 * The disturbances of one round, in order of time; the same for the same options. They come in three rows, each with one at a time:
 * runners; orchestrators and database; links. So of the parts of one kind at most one is away, but whatever can come together does. All
 * are undone within the duration.
 */
export function planDisturbances(options: ScheduleOptions): Disturbance[] {
  const { seed, round, topology } = options;
  const servers = orchestratorNames(topology);
  // The database away is the rarer fault, and the one after which the most has to be right.
  const serverTargets = topology.hasDatabase ? [...servers, ...servers, DATABASE, DATABASE] : servers;
  const rows: Readonly<Record<Row, (random: Random, slot: Slot) => Disturbance>> = {
    runners: (random, slot) => disturbProcess(random, slot, runnerNames(topology)),
    servers: (random, slot) => disturbProcess(random, slot, serverTargets),
    links: (random, slot) => disturbLinks(random, slot, topology),
  };
  const all = (Object.keys(rows) as Row[]).flatMap((row) =>
    fillRow(seededRandom(seed, `round ${round} ${row}`), options, row, rows[row]),
  );
  return all.sort((a, b) => a.atMs - b.atMs);
}

/** In words, for people. */
export function describeDisturbance(disturbance: Disturbance): string {
  if (disturbance.kind !== "link") return `${disturbance.kind} ${disturbance.target}`;
  const { mode, where } = disturbance;
  const detail = mode.kind === "delay" ? ` by ${mode.ms} ms` : mode.kind === "cut" ? ` ${mode.direction}` : "";
  return `${mode.kind}${detail} ${where}`;
}

type Slot = Pick<Disturbance, "atMs" | "lastsMs" | "row">;

function fillRow(
  random: Random,
  { durationMs, leaseMs }: ScheduleOptions,
  row: Row,
  make: (random: Random, slot: Slot) => Disturbance,
): Disturbance[] {
  const disturbances: Disturbance[] = [];
  for (let time = random.between(300, 1_500); time < durationMs; ) {
    const stormEndMs = Math.min(endOfStorm(time), durationMs);
    const lastsMs = Math.min(howLong(random, leaseMs), stormEndMs - time);
    const disturbance = make(random, { atMs: time, lastsMs, row });
    if (lastsMs >= 100) disturbances.push(disturbance);
    time += lastsMs + random.between(200, 2_000);
    if (time >= stormEndMs) time = stormEndMs + CALM_MS + random.between(0, 500);
  }
  return disturbances;
}

function endOfStorm(timeMs: number): number {
  const cycleMs = STORM_MS + CALM_MS;
  return Math.floor(timeMs / cycleMs) * cycleMs + STORM_MS;
}

/** Some are over before a lease is, some last longer. */
function howLong(random: Random, leaseMs: number): number {
  return random.chance(0.6)
    ? random.between(100, Math.round(leaseMs * 0.7))
    : random.between(Math.round(leaseMs * 1.2), Math.round(leaseMs * 2.5));
}

function disturbProcess(random: Random, slot: Slot, targets: readonly string[]): Disturbance {
  return { ...slot, kind: random.chance(0.5) ? "kill" : "freeze", target: random.pick(targets) };
}

function disturbLinks(random: Random, slot: Slot, topology: Topology): Disturbance {
  const mode = pickMode(random);
  if (random.chance(0.4)) {
    const link = random.pick(linkNames(topology));
    return { ...slot, kind: "link", links: [link], where: link, mode };
  }
  const parts = [...runnerNames(topology), ...orchestratorNames(topology), SUBMITTER];
  const part = random.pick(topology.hasDatabase ? [...parts, DATABASE] : parts);
  return { ...slot, kind: "link", links: linksOf(topology, part), where: `all links of ${part}`, mode };
}

function pickMode(random: Random): LinkMode {
  switch (random.pick(["delay", "cut", "black-hole", "reset"] as const)) {
    case "delay":
      return { kind: "delay", ms: random.between(20, 800) };
    case "cut":
      return { kind: "cut", direction: random.pick(["up", "down"] as const) };
    case "black-hole":
      return { kind: "black-hole" };
    case "reset":
      return { kind: "reset" };
  }
}

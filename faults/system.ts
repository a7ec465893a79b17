import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Complaint, Death } from "./evidence.ts";
import { monotonicMs } from "./history.ts";
import { ManagedProcess } from "./managed-process.ts";
import { OrchestratorProcess } from "./orchestrators.ts";
import { Proxies } from "./proxies.ts";
import type { Disturbance } from "./schedule.ts";
import type { Database } from "./stores.ts";
import {
  DATABASE,
  linkName,
  linkNames,
  linksOf,
  orchestratorNames,
  runnerNames,
  SUBMITTER,
  type Topology,
} from "./topology.ts";

const RUNNER_SCRIPT = fileURLToPath(new URL("./runner-process.ts", import.meta.url));
const RUNNER_CONCURRENCY = 4;

/** What the system is made of. */
export interface SystemOptions {
  readonly topology: Topology;
  readonly leaseMs: number;
  /** Logs, histories and data go there. */
  readonly folder: string;
  readonly database: Database;
}

/** All processes under test and the links between them. */
export class System {
  readonly #options: SystemOptions;
  readonly #proxies: Proxies;
  readonly #orchestrators = new Map<string, OrchestratorProcess>();
  readonly #runners = new Map<string, ManagedProcess>();
  /** Processes that ended although nobody killed them. */
  readonly deaths: Death[] = [];
  /** Errors in the logs of orchestrators. */
  readonly complaints: Complaint[] = [];

  private constructor(options: SystemOptions, proxies: Proxies) {
    this.#options = options;
    this.#proxies = proxies;
    const { topology, database } = options;
    for (const name of orchestratorNames(topology)) {
      if (database.port !== undefined) proxies.setTarget(linkName(name, DATABASE), database.port);
      this.#orchestrators.set(name, this.#makeOrchestrator(name));
    }
    for (const name of runnerNames(topology)) this.#runners.set(name, this.#makeRunner(name));
  }

  /** Starts everything; resolves when all orchestrators serve. */
  static async start(options: SystemOptions): Promise<System> {
    const system = new System(options, await Proxies.open(linkNames(options.topology)));
    for (const orchestrator of system.#orchestrators.values()) orchestrator.start();
    await system.#allServe();
    for (const runner of system.#runners.values()) runner.start();
    return system;
  }

  /** Where the submitter reaches each orchestrator: through links that are disturbed. */
  get submitterAddresses(): { readonly name: string; readonly address: string }[] {
    const names = orchestratorNames(this.#options.topology);
    return names.map((name) => ({ name, address: this.#proxies.address(linkName(SUBMITTER, name)) }));
  }

  /** Where the orchestrators serve, past all links. */
  get directAddresses(): string[] {
    const ports = [...this.#orchestrators.values()].flatMap(({ port }) => port ?? []);
    return ports.map((port) => `127.0.0.1:${port}`);
  }

  /** Names of the runner processes that are alive, each with its generation. */
  get aliveRunners(): string[] {
    const alive = [...this.#runners.values()].filter(({ isAlive }) => isAlive);
    return alive.map(({ name, generation }) => processName(name, generation));
  }

  /** Histories of all runner processes that there have been. */
  get runnerHistories(): string[] {
    return Array.from(this.#runners.values()).flatMap(({ name, generation }) =>
      Array.from({ length: generation }, (_, index) => this.#historyOf(processName(name, index + 1))),
    );
  }

  /** Begins a disturbance. */
  async disturb(disturbance: Disturbance): Promise<void> {
    if (disturbance.kind === "link") {
      for (const link of disturbance.links) this.#proxies.setMode(link, disturbance.mode);
      return;
    }
    const target = this.#find(disturbance.target);
    if (disturbance.kind === "kill") await target.kill();
    else target.freeze();
  }

  /** Ends a disturbance. */
  async mend(disturbance: Disturbance): Promise<void> {
    if (disturbance.kind === "link") {
      for (const link of disturbance.links) this.#proxies.setMode(link, { kind: "normal" });
      return;
    }
    const target = this.#find(disturbance.target);
    if (disturbance.kind === "kill") await target.start();
    else target.thaw();
  }

  /** Resolves when everything that is to run runs and serves. Rejects when that takes too long. */
  async whole(): Promise<void> {
    await this.#allServe();
  }

  /** Kills everything. */
  async stop(): Promise<void> {
    const processes = [...this.#runners.values(), ...this.#orchestrators.values()];
    await Promise.all(processes.map((one) => one.dispose()));
    await this.#proxies.close();
  }

  async #allServe(): Promise<void> {
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error("an orchestrator did not begin to serve within a minute")), 60_000);
    try {
      const all = Array.from(this.#orchestrators.values(), ({ listening }) => listening);
      await Promise.race([Promise.all(all), promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  #find(name: string): OrchestratorProcess | ManagedProcess | Database {
    if (name === DATABASE) return this.#options.database;
    const found = this.#orchestrators.get(name) ?? this.#runners.get(name);
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  }

  #makeOrchestrator(name: string): OrchestratorProcess {
    const { topology, leaseMs, folder, database } = this.#options;
    const links = linksOf(topology, name).filter((link) => link.endsWith(`>${name}`));
    return new OrchestratorProcess({
      name,
      leaseMs,
      log: join(folder, `${name}.log`),
      storeFlags: database.flags(database.port === undefined ? "" : this.#proxies.address(linkName(name, DATABASE))),
      onPort: (port) => {
        for (const link of links) this.#proxies.setTarget(link, port);
      },
      onComplaint: (line) => this.complaints.push({ at: monotonicMs(), process: name, line }),
      onDeath: (how) => this.#died(name, how),
    });
  }

  #makeRunner(name: string): ManagedProcess {
    const { topology, folder } = this.#options;
    const addresses = orchestratorNames(topology).map((to) => this.#proxies.address(linkName(name, to)));
    return new ManagedProcess({
      name,
      log: join(folder, `${name}.log`),
      command: (generation) => {
        const process = processName(name, generation);
        return [RUNNER_SCRIPT, process, this.#historyOf(process), String(RUNNER_CONCURRENCY), ...addresses];
      },
      onEnd: (how) => this.#died(name, how),
    });
  }

  #historyOf(process: string): string {
    return join(this.#options.folder, `${process}.ndjson`);
  }

  #died(process: string, how: string): void {
    this.deaths.push({ at: monotonicMs(), process, how });
  }
}

/** A process by its part and which of its lives it is. */
function processName(name: string, generation: number): string {
  return `${name}.${generation}`;
}

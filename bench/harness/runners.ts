import { join } from "node:path";
import type { Client } from "taskgrove";
import { type Child, startChild } from "./child.ts";
import type { Orchestrator } from "./orchestrator.ts";
import type { FromRunner, ToRunner } from "./runner-process.ts";
import { until } from "./until.ts";

/** Runner processes, which run at one orchestrator at a time, or are dealt out evenly to several on one database. */
export interface Runners extends AsyncDisposable {
  /** Begins to run there. Does not wait until the runners are connected. */
  start(...orchestrators: readonly Orchestrator[]): void;
  /** Begins to run there, and waits until all are connected. */
  connect(...orchestrators: readonly Orchestrator[]): Promise<void>;
  /** Drains, and waits until all sessions have ended. */
  stop(): Promise<void>;
  /** Rejects when one ends without having been told to; never resolves. */
  readonly unexpectedEnd: Promise<never>;
}

/** What runner processes are started with. */
export interface RunnersOptions {
  readonly count: number;
  /** Tasks at once in each of them. */
  readonly concurrency: number;
  /** Where their logs go. */
  readonly directory: string;
  readonly profile: string | undefined;
}

/** Starts runner processes; resolves when all of them are loaded. */
export async function startRunners({ count, concurrency, directory, profile }: RunnersOptions): Promise<Runners> {
  const children = Array.from({ length: count }, (_, index) => startRunner(`runner ${index + 1}`, directory, profile));
  const unexpectedEnd = Promise.race(children.map(({ child }) => child.unexpectedEnd));
  await Promise.race([Promise.all(children.map(({ next }) => next("ready"))), unexpectedEnd]);
  const start = (...orchestrators: readonly Orchestrator[]) => {
    for (const [index, { name, send }] of children.entries()) {
      const { address } = need(orchestrators[index % orchestrators.length]);
      send({ kind: "start", address, name, concurrency });
    }
  };
  return {
    start,
    async connect(...orchestrators) {
      start(...orchestrators);
      const { client } = need(orchestrators[0]);
      await until("all runners are connected", async () => (await connected(client)) === count);
    },
    async stop() {
      const stopped = Promise.all(children.map(({ next }) => next("stopped")));
      for (const { send } of children) send({ kind: "stop" });
      await Promise.race([stopped, unexpectedEnd]);
    },
    unexpectedEnd,
    async [Symbol.asyncDispose]() {
      await Promise.all(children.map(({ child }) => child[Symbol.asyncDispose]()));
    },
  };
}

interface RunnerChild {
  readonly name: string;
  readonly child: Child;
  send(message: ToRunner): void;
  /** Resolves with the next message of this kind. */
  next(kind: FromRunner["kind"]): Promise<void>;
}

function startRunner(name: string, directory: string, profile: string | undefined): RunnerChild {
  const log = join(directory, `${name.replace(" ", "-")}.log`);
  const child = startChild({ name, script: "harness/runner-process.ts", args: [], log, profile, ipc: true });
  return {
    name,
    child,
    send: (message) => void child.process.send(message),
    next(kind) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const listen = (message: unknown) => {
        if ((message as FromRunner).kind !== kind) return;
        child.process.off("message", listen);
        resolve();
      };
      child.process.on("message", listen);
      return promise;
    },
  };
}

function need(orchestrator: Orchestrator | undefined): Orchestrator {
  if (orchestrator === undefined) throw new Error("runners need an orchestrator");
  return orchestrator;
}

async function connected(client: Client): Promise<number> {
  return (await Array.fromAsync(client.runners.list())).length;
}

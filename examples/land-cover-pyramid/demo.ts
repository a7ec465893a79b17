import { mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Client, type Job } from "taskgrove";
import { type Victims, watchAndKill } from "./demo-faults.ts";
import { type DemoOptions, parseDemoCommand } from "./demo-options.ts";
import {
  type DemoOrchestrator,
  type DemoProcess,
  DemoStopped,
  startOrchestrator,
  startProcess,
} from "./demo-processes.ts";
import { type DemoStore, startStore } from "./demo-store.ts";
import { type MapInput, WorldMap } from "./tasks.ts";
import { checkPicture, checkTasks, type Finding, summarise, tasksOf } from "./verify.ts";

/** Pixels along each side of the picture. */
const SIDE = 1024;

/** Tasks that a runner executes at once: they wait for the job cache half of the time. */
const CONCURRENCY = 4;

/** However slow the machine: then the demo gives up. */
const PATIENCE_MS = 15 * 60_000;

async function main(args: readonly string[]): Promise<number> {
  const command = parseDemoCommand(args);
  switch (command.kind) {
    case "help":
      process.stdout.write(command.text);
      return 0;
    case "refused":
      process.stderr.write(`${command.problems.join("\n")}\nTry --help.\n`);
      return 2;
    case "run":
      return runDemo(command.options).catch((error: unknown) => {
        if (!(error instanceof DemoStopped)) throw error;
        process.stderr.write(`\nThe demo stopped: ${error.message}\n`);
        return 1;
      });
  }
}

async function runDemo(options: DemoOptions): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), "taskgrove-demo-"));
  const picture = resolve(options.out);
  await mkdir(dirname(picture), { recursive: true });
  // Whatever happens, what was started is stopped again, in reverse order.
  await using started = new AsyncDisposableStack();
  const store = started.use(await startStore(options.store, directory));
  say(`store: ${store.description}; all logs are in ${directory}`);
  const orchestrators = await startOrchestrators(store, directory, started);
  const list = orchestrators.map(({ name, pid, address }) => `${name} (process ${pid}) at ${address}`);
  say(`orchestrators: ${list.join(", ")}`);
  const addresses = orchestrators.map(({ address }) => address);
  const runners = Array.from({ length: options.runners }, (_, index) =>
    started.use(startRunner(`runner-${index + 1}`, addresses, directory)),
  );
  say(`runners: ${runners.map(({ name, pid }) => `${name} (process ${pid})`).join(", ")}\n`);
  const client = started.use(new Client({ addresses }));
  const beginning = performance.now();
  const map: MapInput = {
    zoom: options.zoom,
    side: SIDE,
    picture,
    decoratedPicture: join(directory, "decorated.png"),
    cityLights: join(directory, "there-is-no-such-file.json"),
  };
  const { id } = await client.jobs.submit("land cover of the world", new WorldMap(map));
  const watching = new AbortController();
  started.defer(() => watching.abort());
  const victims: Victims = { runners, orchestrators: orchestrators.length > 1 ? orchestrators : [] };
  const job = await Promise.race([
    watchAndKill(client, id, options.kill ? victims : null, watching.signal),
    rejectAtSignal(),
    rejectAfterPatience(),
    ...[...orchestrators, ...runners].map(({ unexpectedEnd }) => unexpectedEnd),
  ]);
  const seconds = (performance.now() - beginning) / 1000;
  return await report(client, job, { picture, seconds, zoom: options.zoom });
}

/** As many as share the store, one after the other. */
async function startOrchestrators(
  { orchestrators: count, flags }: DemoStore,
  directory: string,
  started: AsyncDisposableStack,
): Promise<DemoOrchestrator[]> {
  const orchestrators: DemoOrchestrator[] = [];
  for (let index = 1; index <= count; index++) {
    const name = count === 1 ? "orchestrator" : `orchestrator-${index}`;
    orchestrators.push(started.use(await startOrchestrator(name, flags, directory)));
  }
  return orchestrators;
}

function startRunner(name: string, addresses: readonly string[], directory: string): DemoProcess {
  const script = fileURLToPath(new URL("runner.ts", import.meta.url));
  const args = ["--address", addresses.join(","), "--name", name, "--concurrency", String(CONCURRENCY)];
  return startProcess(name, script, args, join(directory, `${name}.log`));
}

/** Ctrl-C ends the demo, but not before everything that it started has been stopped. */
function rejectAtSignal(): Promise<never> {
  return new Promise((_, reject) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => reject(new DemoStopped(`it was told to by ${signal}`)));
    }
  });
}

function rejectAfterPatience(): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new DemoStopped("the job takes too long")), PATIENCE_MS).unref();
  });
}

async function report(
  client: Client,
  job: Job,
  { picture, seconds, zoom }: { picture: string; seconds: number; zoom: number },
): Promise<number> {
  if (job.state !== "COMPLETED") {
    say(`\nThe job ended as ${job.state}: ${job.error?.message ?? "no error was reported"}`);
    return 1;
  }
  const tasks = tasksOf(await client.jobs.tree(job.id));
  const { failedAttempts, lostAttempts } = summarise(tasks);
  const findings: Finding[] = [...checkTasks(tasks, zoom), await checkPicture(picture, SIDE)];
  say(
    `\n${tasks.length} tasks in ${seconds.toFixed(1)} s; ${failedAttempts} attempts failed (on purpose), ` +
      `${lostAttempts} were lost with a runner and done again.`,
  );
  for (const { ok, text } of findings) say(`${ok ? "ok      " : "MISMATCH"} ${text}`);
  say(`The picture: ${picture}`);
  return findings.every(({ ok }) => ok) ? 0 : 1;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

process.exitCode = await main(process.argv.slice(2));

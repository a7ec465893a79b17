import { mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { watchJob } from "@taskgrove/cli/watch";
import { Client, type Job, type RunnerInfo } from "taskgrove";
import { type DemoOptions, parseDemoCommand } from "./demo-options.ts";
import { type DemoProcess, DemoStopped, startOrchestrator, startProcess } from "./demo-processes.ts";
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
  const orchestrator = started.use(await startOrchestrator(directory));
  say(
    `orchestrator: process ${orchestrator.pid} at ${orchestrator.address}; its database and all logs are in ${directory}`,
  );
  const runners = Array.from({ length: options.runners }, (_, index) =>
    started.use(startRunner(`runner-${index + 1}`, orchestrator.address, directory)),
  );
  say(`runners: ${runners.map(({ name, pid }) => `${name} (process ${pid})`).join(", ")}\n`);
  const client = started.use(new Client({ address: orchestrator.address }));
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
  const job = await Promise.race([
    watchAndKill(client, id, options.kill ? runners : [], watching.signal),
    rejectAtSignal(),
    rejectAfterPatience(),
    ...[orchestrator, ...runners].map(({ unexpectedEnd }) => unexpectedEnd),
  ]);
  const seconds = (performance.now() - beginning) / 1000;
  return await report(client, job, { picture, seconds, zoom: options.zoom });
}

function startRunner(name: string, address: string, directory: string): DemoProcess {
  const script = fileURLToPath(new URL("runner.ts", import.meta.url));
  const args = ["--address", address, "--name", name, "--concurrency", String(CONCURRENCY)];
  return startProcess(name, script, args, join(directory, `${name}.log`));
}

/** Draws the job until it has ended. Half way it kills one of `victims`, if there are any, and says so. */
async function watchAndKill(
  client: Client,
  jobId: string,
  victims: readonly DemoProcess[],
  signal: AbortSignal,
): Promise<Job> {
  const out = process.stdout;
  const interruption = new AbortController();
  const killing = killHalfWay(client, jobId, victims, signal).then((killed) => {
    if (killed === undefined) return;
    // Lines can be added to at any time; a drawing has to be left first.
    if (out.isTTY) interruption.abort(killed);
    else say(killed);
  });
  killing.catch(() => undefined);
  try {
    const job = await watchJob(client, jobId, { out, signal: AbortSignal.any([signal, interruption.signal]) });
    await killing;
    return job;
  } catch (error) {
    if (signal.aborted || !interruption.signal.aborted) throw error;
    say(String(interruption.signal.reason));
    return watchJob(client, jobId, { out, signal });
  }
}

/**
 * Waits until half of the leaves are drawn, and kills a runner.
 *
 * @returns a sentence about it; undefined when there was none to kill or the job ended before.
 */
async function killHalfWay(
  client: Client,
  jobId: string,
  victims: readonly DemoProcess[],
  signal: AbortSignal,
): Promise<string | undefined> {
  if (victims.length === 0) return undefined;
  for await (const { job } of client.jobs.watch(jobId, { jobOnly: true, signal })) {
    if (isHalfWay(job)) return killBusiest(client, victims);
  }
  return undefined;
}

function isHalfWay(job: Job | undefined): boolean {
  const leaves = job?.progress.find(({ label }) => label === "leaves");
  return leaves !== undefined && leaves.total > 0 && leaves.done >= leaves.total / 2;
}

/** Kills a runner that holds leases at this moment, so that there is something to take over. */
async function killBusiest(client: Client, victims: readonly DemoProcess[]): Promise<string> {
  const sessions: RunnerInfo[] = [];
  for await (const session of client.runners.list()) sessions.push(session);
  const [busiest] = sessions.sort((a, b) => b.running - a.running);
  const victim = victims.find(({ name }) => name === busiest?.name);
  if (busiest === undefined || victim === undefined) throw new Error("no runner is connected");
  await victim.kill();
  const what = `killed ${victim.name} (process ${victim.pid}) with SIGKILL while it held ${busiest.running} tasks`;
  return `\n>>> ${what}; others will take them over\n`;
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

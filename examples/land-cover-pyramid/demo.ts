import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Client, type Job, type RunnerInfo } from "taskgrove";
import { type DemoOptions, parseDemoCommand } from "./demo-options.ts";
import { type DemoProcess, startOrchestrator, startProcess } from "./demo-processes.ts";
import { createLiveView, type LiveView } from "./live-view.ts";
import { WorldMap } from "./tasks.ts";
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
      return runDemo(command.options);
  }
}

async function runDemo(options: DemoOptions): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), "taskgrove-demo-"));
  const picture = resolve(options.out ?? join(directory, "world.png"));
  const view = createLiveView(process.stdout);
  // Whatever happens, what was started is stopped again, in reverse order.
  await using started = new AsyncDisposableStack();
  const orchestrator = started.use(await startOrchestrator(directory));
  view.note(`orchestrator: process ${orchestrator.pid} at ${orchestrator.address}, state and logs in ${directory}`);
  const runners = Array.from({ length: options.runners }, (_, index) =>
    started.use(startRunner(`runner-${index + 1}`, orchestrator.address, directory)),
  );
  view.note(`runners: ${runners.map(({ name, pid }) => `${name} (process ${pid})`).join(", ")}`);
  const client = started.use(new Client({ address: orchestrator.address }));
  const job = await client.jobs.submit(
    "land cover of the world",
    new WorldMap({
      zoom: options.zoom,
      side: SIDE,
      picture,
      decoratedPicture: join(directory, "decorated.png"),
      cityLights: join(directory, "there-is-no-such-file.json"),
    }),
  );
  const beginning = performance.now();
  const unexpected = [orchestrator, ...runners].map(({ unexpectedEnd }) => unexpectedEnd);
  const ended = await Promise.race([watchJob(client, job, options.kill ? runners : [], view), ...unexpected]);
  const seconds = (performance.now() - beginning) / 1000;
  return report(client, ended, { picture, seconds, zoom: options.zoom });
}

function startRunner(name: string, address: string, directory: string): DemoProcess {
  const script = fileURLToPath(new URL("runner.ts", import.meta.url));
  const args = ["--address", address, "--name", name, "--concurrency", String(CONCURRENCY)];
  return startProcess(name, script, args, join(directory, `${name}.log`));
}

/** Draws the job until it has ended; half way it kills one of `victims`, if there are any. */
async function watchJob(client: Client, job: Job, victims: readonly DemoProcess[], view: LiveView): Promise<Job> {
  let killed = victims.length === 0;
  for await (const update of client.jobs.watch(job.id, { signal: AbortSignal.timeout(PATIENCE_MS) })) {
    view.update(update);
    if (killed || !isHalfWay(update.job)) continue;
    killed = true;
    await killOne(client, victims, view);
  }
  view.end();
  return client.jobs.get(job.id);
}

function isHalfWay(job: Job | undefined): boolean {
  const leaves = job?.progress.find(({ label }) => label === "leaves");
  return leaves !== undefined && leaves.total > 0 && leaves.done >= leaves.total / 2;
}

/** Kills a runner that holds leases at this moment, so that there is something to take over. */
async function killOne(client: Client, victims: readonly DemoProcess[], view: LiveView): Promise<void> {
  const sessions: RunnerInfo[] = [];
  for await (const session of client.runners.list()) sessions.push(session);
  const [busiest] = sessions.sort((a, b) => b.running - a.running);
  const victim = victims.find(({ name }) => name === busiest?.name);
  if (busiest === undefined || victim === undefined) throw new Error("no runner is connected");
  await victim.kill();
  view.note(
    `killed ${victim.name} (process ${victim.pid}, SIGKILL) while it held ${busiest.running} tasks: others will get them`,
  );
}

async function report(
  client: Client,
  job: Job,
  { picture, seconds, zoom }: { picture: string; seconds: number; zoom: number },
): Promise<number> {
  if (job.state !== "COMPLETED") {
    process.stdout.write(`\nThe job ended as ${job.state}: ${job.error?.message ?? "no error was reported"}\n`);
    return 1;
  }
  const tasks = tasksOf(await client.jobs.tree(job.id));
  const { failedAttempts, lostAttempts } = summarise(tasks);
  const findings: Finding[] = [...checkTasks(tasks, zoom), await checkPicture(picture, SIDE)];
  process.stdout.write(
    `\n${tasks.length} tasks in ${seconds.toFixed(1)} s; ${failedAttempts} attempts failed (on purpose), ` +
      `${lostAttempts} were lost with a runner.\n`,
  );
  for (const { ok, text } of findings) process.stdout.write(`${ok ? "ok      " : "MISMATCH"} ${text}\n`);
  process.stdout.write(`The picture: ${picture}\n`);
  return findings.every(({ ok }) => ok) ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));

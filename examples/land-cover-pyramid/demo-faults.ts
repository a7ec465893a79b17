import { watchJob } from "@taskgrove/cli/watch";
import type { Client, Job, RunnerInfo } from "taskgrove";
import type { DemoOrchestrator, DemoProcess } from "./demo-processes.ts";

/** Who may be killed half way: one of each. */
export interface Victims {
  readonly runners: readonly DemoProcess[];
  /** None where there is only one. */
  readonly orchestrators: readonly DemoOrchestrator[];
}

/** Draws the job until it has ended. Half way it kills what it may, and says so. */
export async function watchAndKill(
  client: Client,
  jobId: string,
  victims: Victims | null,
  signal: AbortSignal,
): Promise<Job> {
  const out = process.stdout;
  const interruption = new AbortController();
  const killing = killHalfWay(client, jobId, victims, signal).then((killed) => {
    if (killed === undefined) return;
    // Lines can be added to at any time; a drawing has to be left first.
    if (out.isTTY) interruption.abort(killed);
    else out.write(`${killed}\n`);
  });
  killing.catch(() => undefined);
  try {
    const job = await watchJob(client, jobId, { out, signal: AbortSignal.any([signal, interruption.signal]) });
    await killing;
    return job;
  } catch (error) {
    if (signal.aborted || !interruption.signal.aborted) throw error;
    out.write(`${interruption.signal.reason}\n`);
    return watchJob(client, jobId, { out, signal });
  }
}

/**
 * Waits until half of the leaves are drawn, and kills a runner, and an orchestrator where others go on for it.
 *
 * @returns sentences about it; undefined when nothing was to be killed or the job ended before.
 */
async function killHalfWay(
  client: Client,
  jobId: string,
  victims: Victims | null,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (victims === null) return undefined;
  for await (const { job } of client.jobs.watch(jobId, { jobOnly: true, signal })) {
    if (!isHalfWay(job)) continue;
    const killed = [await killBusiestRunner(client, victims.runners)];
    if (victims.orchestrators.length > 0) killed.push(await killBusiestOrchestrator(victims.orchestrators));
    return `\n${killed.map((what) => `>>> ${what}`).join("\n")}\n`;
  }
  return undefined;
}

function isHalfWay(job: Job | undefined): boolean {
  const leaves = job?.progress.find(({ label }) => label === "leaves");
  return leaves !== undefined && leaves.total > 0 && leaves.done >= leaves.total / 2;
}

/** Kills a runner that holds leases at this moment, so that there is something to take over. */
async function killBusiestRunner(client: Client, victims: readonly DemoProcess[]): Promise<string> {
  const sessions: RunnerInfo[] = [];
  for await (const session of client.runners.list()) sessions.push(session);
  const [busiest] = sessions.sort((a, b) => b.running - a.running);
  const victim = victims.find(({ name }) => name === busiest?.name);
  if (busiest === undefined || victim === undefined) throw new Error("no runner is connected");
  await victim.kill();
  const what = `killed ${victim.name} (process ${victim.pid}) with SIGKILL while it held ${busiest.running} tasks`;
  return `${what}; others will take them over`;
}

/** Kills the orchestrator at which most runners are connected, so that somebody has to go elsewhere. */
async function killBusiestOrchestrator(victims: readonly DemoOrchestrator[]): Promise<string> {
  const counted = await Promise.all(
    victims.map(async (victim) => ({ victim, connected: await countConnected(victim) })),
  );
  const [busiest] = counted.sort((a, b) => b.connected - a.connected);
  if (busiest === undefined) throw new Error("no orchestrator runs");
  const { victim, connected } = busiest;
  await victim.kill();
  const what = `killed ${victim.name} (process ${victim.pid}) with SIGKILL while ${connected} runners were connected to it`;
  return `${what}; they go on at the other one with what they hold`;
}

/** How many runners are connected to this orchestrator, by its metrics. */
async function countConnected({ httpAddress }: DemoOrchestrator): Promise<number> {
  const text = await (await fetch(`http://${httpAddress}/metrics`)).text();
  const counts = [...text.matchAll(/^taskgrove_sessions\{.*\} (\d+)$/gm)].map(([, count]) => Number(count));
  return counts.reduce((sum, count) => sum + count, 0);
}

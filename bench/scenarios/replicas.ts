import type { Figure } from "../figures.ts";
import { median, shortCount } from "../figures.ts";
import type { Bench, Scenario } from "../harness/bench.ts";
import { timeSingles } from "../harness/bulk.ts";
import { countCosts, timeJob } from "../harness/measure.ts";
import type { Orchestrator } from "../harness/orchestrator.ts";
import type { Runners } from "../harness/runners.ts";
import { FanOut } from "../tasks.ts";

/** Orchestrators on one database. */
const COUNTS = [1, 2, 3];
/** The same for all: can be dealt out evenly to one, two and three orchestrators. */
const RUNNERS = 6;
const WINDOW = 1_000;

/** A workload, and how long it took for each number of orchestrators. */
interface Workload {
  readonly name: string;
  readonly tasks: number;
  run(team: Team): Promise<number>;
}

/** Orchestrators that share a database. */
interface Team {
  readonly orchestrators: readonly Orchestrator[];
}

interface Measured {
  readonly team: Team;
  /** Milliseconds, one for each round. */
  readonly times: number[];
  /** Figures of its costs, round by round. */
  readonly costs: Figure[][];
}

/**
 * The same work with one, two and three orchestrators, each time on one database, with the same runners dealt out to them. Rounds take turns, so
 * that whatever else the machine does hits all alike. More orchestrators must not be slower in total: what they cost each other are conflicts.
 */
export const replicas: Scenario = async function* (bench) {
  const runners = await bench.startRunners(RUNNERS);
  const teams: Team[] = [];
  for (const count of COUNTS) teams.push(await startTeam(bench, count));
  for (const workload of workloads(bench)) {
    yield* figuresOf(workload, await measureInTurns(bench, workload, teams, runners));
  }
};

async function startTeam(bench: Bench, count: number): Promise<Team> {
  const database = await bench.openDatabase(`replicas-${count}`);
  const orchestrators: Orchestrator[] = [];
  for (let index = 1; index <= count; index++) {
    orchestrators.push(await bench.startOrchestrator(`replicas-${count}-${index}`, database));
  }
  return { orchestrators };
}

function workloads(bench: Bench): Workload[] {
  const children = bench.scaled(bench.quick ? 20_000 : 50_000);
  const jobs = bench.scaled(bench.quick ? 10_000 : 30_000);
  return [
    {
      name: `replicas_fan_out_${shortCount(children)}`,
      tasks: children + 1,
      async run({ orchestrators: [first] }) {
        if (first === undefined) throw new Error("there is no orchestrator");
        const job = { name: "fan-out", task: () => new FanOut({ count: children }), warmUps: 0, rounds: 1 };
        return median(await timeJob(bench, first, job));
      },
    },
    {
      name: `replicas_single_jobs_${shortCount(jobs)}`,
      tasks: jobs,
      run: ({ orchestrators }) => timeSingles(orchestrators, jobs, WINDOW),
    },
  ];
}

async function measureInTurns(
  bench: Bench,
  { name, run }: Workload,
  teams: readonly Team[],
  runners: Runners,
): Promise<Measured[]> {
  const measured = teams.map((team): Measured => ({ team, times: [], costs: [] }));
  const rounds = bench.quick ? 3 : 7;
  // The first round warms up and does not count.
  for (let round = 0; round <= rounds; round++) {
    for (const { team, times, costs } of measured) {
      const { orchestrators } = team;
      bench.say(`${name}, ${orchestrators.length}: ${round === 0 ? "warming up" : `round ${round} of ${rounds}`}`);
      await runners.connect(...orchestrators);
      const count = await countCosts(orchestrators);
      const time = await run(team);
      const cost = await count("");
      await runners.stop();
      if (round === 0) continue;
      times.push(time);
      costs.push(cost);
    }
  }
  return measured;
}

function* figuresOf({ name, tasks }: Workload, measured: readonly Measured[]): Generator<Figure> {
  const [alone] = measured;
  for (const { team, times, costs } of measured) {
    const count = team.orchestrators.length;
    yield { name: `${name}_on_${count}`, value: tasks / (median(times) / 1_000), unit: "tasks/s" };
    if (alone !== undefined && count > 1) {
      // Of two teams in the same round, and then the one in the middle.
      const ratios = times.map((time, round) => (alone.times[round] ?? Number.NaN) / time);
      yield { name: `${name}_on_${count}_ratio`, value: median(ratios), unit: "× one", target: { atLeast: 1 } };
    }
    for (const [index, figure] of (costs[0] ?? []).entries()) {
      const value = median(costs.map((round) => round[index]?.value ?? Number.NaN));
      yield { ...figure, name: `${name}_on_${count}${figure.name}`, value };
    }
  }
}

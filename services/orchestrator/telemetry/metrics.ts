import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { EngineObserver } from "../engine/observer.ts";
import { createQueueMetrics } from "./queue-metrics.ts";
import { watchStoreSize } from "./store-size.ts";

const BATCH_BUCKETS = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000];
const SECONDS_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** The orchestrator's metrics, in a registry of their own. */
export interface Metrics {
  readonly observer: EngineObserver;
  readonly contentType: string;
  /** Text for a scrape. Costs the number of distinct queues, never the number of tasks. */
  render(): Promise<string>;
  /** Adds the size of the store. */
  watchStoreSize(sizeBytes: () => Promise<number>): void;
  /** To be called for each command that is sent to a database server. */
  storeRoundTrip(): void;
}

/** Makes the metrics, with those of the process. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const roundTrips = new Counter({
    name: "taskgrove_store_round_trips_total",
    help: "Commands sent to the database server; 0 with the embedded store.",
    registers: [registry],
  });
  return {
    observer: createObserver(registry),
    contentType: registry.contentType,
    render: () => registry.metrics(),
    storeRoundTrip: () => roundTrips.inc(),
    watchStoreSize: (sizeBytes) => watchStoreSize(registry, sizeBytes),
  };
}

function createObserver(registry: Registry): EngineObserver {
  const counter = <Label extends string = never>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter({ name: `taskgrove_${name}_total`, help, labelNames, registers: [registry] });
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name: `taskgrove_${name}`, help, buckets, registers: [registry] });

  const queues = createQueueMetrics(registry);
  const batches = histogram("batch_commands", "Commands that one commit answered.", BATCH_BUCKETS);
  const commits = histogram("commit_seconds", "Time of one transaction with its commit.", SECONDS_BUCKETS);
  const tasksCreated = counter("tasks_created", "Tasks created.");
  const tasksSettled = counter("tasks_settled", "Outcomes that were applied.");
  const retried = counter("transactions_retried", "Transactions that were run again after a conflict.");
  const failed = counter("transactions_failed", "Transactions that were given up.");
  const leasesEnded = counter("leases_ended", "Leases that ended without an outcome, by cause.", ["cause"]);
  const runnersLost = counter("tasks_runner_lost", "Tasks failed for good because their runners were lost too often.");
  const jobsSubmitted = counter("jobs_submitted", "Jobs stored.");
  const jobsEnded = counter("jobs_ended", "Jobs that ended, by state.", ["state"]);
  const refused = counter("commands_refused", "Commands that were refused, by reason.", ["reason"]);
  const sessionsOpened = counter("sessions_opened", "Sessions opened here.", ["cluster", "resumed"]);
  const sessionsClosed = counter("sessions_closed", "Sessions that ended here, by cause.", ["cluster", "cause"]);
  const sessions = new Gauge({
    name: "taskgrove_sessions",
    help: "Runners connected to this orchestrator.",
    labelNames: ["cluster"],
    registers: [registry],
  });

  return {
    batchCommitted(batch) {
      batches.observe(batch.commands);
      commits.observe(batch.durationMs / 1_000);
      tasksCreated.inc(batch.tasksCreated);
      tasksSettled.inc(batch.tasksSettled);
    },
    transactionRetried: () => retried.inc(),
    transactionFailed: () => failed.inc(),
    granted: (queueId, count) => queues.granted(queueId, count),
    outcomes: (kind, queueId, count) => queues.outcomes(kind, queueId, count),
    leasesEnded: (cause, count) => leasesEnded.inc({ cause }, count),
    crashBudgetSpent: (count) => runnersLost.inc(count),
    jobSubmitted: (count) => jobsSubmitted.inc(count),
    jobEnded: (state, count) => jobsEnded.inc({ state }, count),
    commandRefused: (reason, count) => refused.inc({ reason }, count),
    sessionOpened(cluster, resumed) {
      sessionsOpened.inc({ cluster, resumed: String(resumed) });
      sessions.inc({ cluster });
    },
    sessionClosed(cluster, cause) {
      sessionsClosed.inc({ cluster, cause });
      sessions.dec({ cluster });
    },
    queueDepth: (queue) => queues.depth(queue),
  };
}

import { Counter, Gauge, type Registry } from "prom-client";
import type { QueueRecord } from "../domain/records.ts";
import { versionText } from "../domain/version.ts";
import type { OutcomeKind } from "../engine/observer.ts";

const LABELS = ["cluster", "task", "version"] as const;

/** Numbers of one queue. */
interface QueueNumbers {
  /** null until the queue's record has been seen: a scrape leaves it out until then. */
  queue: QueueRecord | null;
  granted: number;
  readonly outcomes: Map<OutcomeKind, number>;
}

/** Metrics by queue (cluster, task name and version). The hot path only adds numbers; labels are made when somebody scrapes. */
export interface QueueMetrics {
  depth(queue: QueueRecord): void;
  granted(queueId: number, count: number): void;
  outcomes(kind: OutcomeKind, queueId: number, count: number): void;
}

/** Adds the metrics by queue to a registry. A scrape costs the number of distinct queues, never the number of tasks. */
export function createQueueMetrics(registry: Registry): QueueMetrics {
  const numbers = new Map<number, QueueNumbers>();

  function of(queueId: number): QueueNumbers {
    const known = numbers.get(queueId);
    if (known !== undefined) return known;
    const made: QueueNumbers = { queue: null, granted: 0, outcomes: new Map() };
    numbers.set(queueId, made);
    return made;
  }

  function* named() {
    for (const { queue, granted, outcomes } of numbers.values()) {
      if (queue === null) continue;
      const labels = { cluster: queue.cluster, task: queue.name, version: versionText(queue) };
      yield { queue, labels, granted, outcomes };
    }
  }

  new Gauge({
    name: "taskgrove_tasks_queued",
    help: "Tasks that wait for a runner or a backoff.",
    labelNames: LABELS,
    registers: [registry],
    collect() {
      for (const { labels, queue } of named()) this.set(labels, queue.queued);
    },
  });
  new Gauge({
    name: "taskgrove_tasks_running",
    help: "Tasks leased by a runner.",
    labelNames: LABELS,
    registers: [registry],
    collect() {
      for (const { labels, queue } of named()) this.set(labels, queue.running);
    },
  });
  new Counter({
    name: "taskgrove_grants_total",
    help: "Leases granted to runners.",
    labelNames: LABELS,
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, granted } of named()) this.inc(labels, granted);
    },
  });
  new Counter({
    name: "taskgrove_outcomes_total",
    help: "Outcomes reported by runners, by what came of them.",
    labelNames: [...LABELS, "result"],
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, outcomes } of named()) {
        for (const [result, count] of outcomes) this.inc({ ...labels, result }, count);
      }
    },
  });

  return {
    depth(queue) {
      of(queue.id).queue = queue;
    },
    granted(queueId, count) {
      of(queueId).granted += count;
    },
    outcomes(kind, queueId, count) {
      const { outcomes } = of(queueId);
      outcomes.set(kind, (outcomes.get(kind) ?? 0) + count);
    },
  };
}

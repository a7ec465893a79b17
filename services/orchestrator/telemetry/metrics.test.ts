import { describe, expect, it } from "vitest";
import { createMetrics } from "./metrics.ts";

const QUEUE = { id: 3, cluster: "default", name: "Resize", major: 1, minor: 2 };
const LABELS = 'cluster="default",task="Resize",version="v1.2"';

describe("metrics", () => {
  it("count by queue, with the queue's names", async () => {
    const { observer, render } = createMetrics();
    observer.granted(3, 5);
    observer.queueDepth({ ...QUEUE, queued: 7, running: 5 });
    observer.outcomes("computed", 3, 4);
    observer.outcomes("failed", 3, 1);
    observer.granted(3, 2);
    await render();
    observer.outcomes("computed", 3, 6);
    observer.queueDepth({ ...QUEUE, queued: 2, running: 1 });

    const lines = (await render()).split("\n");
    expect(lines).toContain(`taskgrove_grants_total{${LABELS}} 7`);
    expect(lines).toContain(`taskgrove_outcomes_total{${LABELS},result="computed"} 10`);
    expect(lines).toContain(`taskgrove_outcomes_total{${LABELS},result="failed"} 1`);
    expect(lines).toContain(`taskgrove_tasks_queued{${LABELS}} 2`);
    expect(lines).toContain(`taskgrove_tasks_running{${LABELS}} 1`);
  });

  it("show batches, sessions, expiries, the store and the process", async () => {
    const metrics = createMetrics();
    const { observer } = metrics;
    metrics.watchStoreSize(async () => 4_096);
    observer.batchCommitted({ commands: 20, tasksSettled: 15, tasksCreated: 9, grants: 15, durationMs: 3 });
    observer.sessionOpened("default", false);
    observer.sessionOpened("default", true);
    observer.sessionClosed("default", "lost");
    observer.leasesEnded("expired", 3);

    const lines = (await metrics.render()).split("\n");
    expect(lines).toContain('taskgrove_batch_commands_bucket{le="10"} 0');
    expect(lines).toContain('taskgrove_batch_commands_bucket{le="25"} 1');
    expect(lines).toContain('taskgrove_commit_seconds_bucket{le="0.005"} 1');
    expect(lines).toContain("taskgrove_tasks_settled_total 15");
    expect(lines).toContain('taskgrove_sessions{cluster="default"} 1');
    expect(lines).toContain('taskgrove_leases_ended_total{cause="expired"} 3');
    expect(lines).toContain("taskgrove_store_size_bytes 4096");
    expect(lines.some((line) => line.startsWith("process_resident_memory_bytes "))).toBe(true);
  });

  it("are apart from those of another orchestrator in the process", async () => {
    const one = createMetrics();
    const other = createMetrics();
    one.observer.jobSubmitted(5);
    expect(await other.render()).toContain("taskgrove_jobs_submitted_total 0");
  });
});

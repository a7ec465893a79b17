import { expect, it } from "vitest";
import { parseMetrics } from "./orchestrator.ts";

it("sums metrics over their labels, and leaves buckets out", () => {
  const text = `# HELP taskgrove_tasks_queued Tasks.
# TYPE taskgrove_tasks_queued gauge
taskgrove_tasks_queued{cluster="default",task="A b",version="v0.0"} 3
taskgrove_tasks_queued{cluster="elsewhere",task="A",version="v0.0"} 4
taskgrove_commit_seconds_bucket{le="0.001"} 7
taskgrove_commit_seconds_count 9
process_resident_memory_bytes 1.5e8
`;
  expect(Object.fromEntries(parseMetrics(text))).toEqual({
    taskgrove_tasks_queued: 7,
    taskgrove_commit_seconds_count: 9,
    process_resident_memory_bytes: 1.5e8,
  });
});

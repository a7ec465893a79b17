import type { Db } from "mongodb";
import type { TaskRecord } from "../../domain/records.ts";
import type { TaskRow } from "../../store/mongodb/rows.ts";
import { encodeTask } from "../../store/mongodb/task-codec.ts";

/** Rows in one message, and messages under way. */
const CHUNK = 5_000;
const AT_ONCE = 2;

const INPUT = new Uint8Array([1]);

/** The row of a task, as an orchestrator without others writes it. */
export function rawTask(task: TaskRecord): TaskRow {
  return encodeTask(task, INPUT, 0);
}

/** Inserts tasks as the store would, but without an orchestrator and without transactions: for collections too large to be made by steps. */
export async function insertRawTasks(
  db: Db,
  tasks: Iterable<TaskRecord>,
  onStored: (count: number) => void = () => {},
): Promise<void> {
  const collection = db.collection<TaskRow>("task");
  const chunks = inChunks(tasks);
  let stored = 0;
  const work = async () => {
    for (const rows of chunks) {
      await collection.insertMany(rows, { ordered: false });
      stored += rows.length;
      onStored(stored);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

function* inChunks(tasks: Iterable<TaskRecord>): Generator<TaskRow[]> {
  let rows: TaskRow[] = [];
  for (const task of tasks) {
    rows.push(rawTask(task));
    if (rows.length < CHUNK) continue;
    yield rows;
    rows = [];
  }
  if (rows.length > 0) yield rows;
}

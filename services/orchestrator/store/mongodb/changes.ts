import type { JobRecord } from "../../domain/records.ts";
import { decodeEntry, encodeEntry } from "../change-codec.ts";
import type { ChangeEntry, TaskChangeEntry } from "../store.ts";
import type { Connection } from "./database.ts";
import { addTallies, decodeJob, decodeTally, type Tally, tallyOf, tallyOfRecord } from "./job-codec.ts";
import { inSnapshot } from "./jobs.ts";
import type { ChangeRow, JobRow, JobShardRow } from "./rows.ts";

/**
 * The change log of a job is one log per process that wrote to it. Within one the numbers ascend in the order of the commits; each number is above all that
 * its step could see in the others, so that cause comes before effect when they are merged by number. A reader's position is the last number that it
 * has seen of each. An entry carries what the job's row says and what the writer has counted for itself; the reader adds what the others had
 * counted by then, which it knows from their entries before.
 */
export function changeRow(
  main: JobRow,
  own: JobShardRow | undefined,
  tasks: readonly TaskChangeEntry[],
  seq: number,
  slot: number,
): ChangeRow {
  const row = { _id: changeId(main._id, slot, seq), entry: encodeEntry(decodeJob(main, []), tasks) };
  if (own === undefined) return row;
  return { ...row, own: [own.counts, own.progress ?? []], since: main.seq };
}

/** Reads change logs. */
export class ChangeReader {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async behind(jobId: string, after: string | null, limit: number): Promise<ChangeEntry[]> {
    const start = decodePosition(after);
    if (start === null) return [];
    return inSnapshot(this.#connection, async (session) => {
      // Of its own for each run: it moves on while entries are replayed, and what is read again begins where it began.
      const position = new Map(start);
      const { rows } = this.#connection;
      const main = await rows.job.findOne({ _id: jobId }, { session });
      if (main === null) return [];
      const found: LogRow[] = [];
      for (const slot of main.slots) {
        const range = { $gt: changeId(jobId, slot, position.get(slot) ?? 0), $lt: `${jobId}/${fixed(slot, 4)}0` };
        const list = await rows.change.find({ _id: range }, { session, sort: { _id: 1 }, limit, batchSize: limit + 1 });
        for (const row of await list.toArray()) found.push(placed(row));
      }
      if (found.length === 0) return [];
      const next = found.sort(inLogOrder).slice(0, limit);
      const seen = next.some(({ row }) => row.own !== undefined) ? [...position] : [];
      const ids = seen.filter(([, seq]) => seq > 0).map(([slot, seq]) => changeId(jobId, slot, seq));
      const last = ids.length === 0 ? [] : await rows.change.find({ _id: { $in: ids } }, { session }).toArray();
      return replay(decodeJob(main, []), last.map(placed).sort(inLogOrder), next, position);
    });
  }
}

interface LogRow {
  readonly slot: number;
  readonly seq: number;
  readonly row: ChangeRow;
}

/** `seen`: the last entry of each process up to the position. */
function replay(
  job: JobRecord,
  seen: readonly LogRow[],
  next: readonly LogRow[],
  position: Map<number, number>,
): ChangeEntry[] {
  const counted = new Counted();
  for (const entry of seen) counted.follow(entry);
  return next.map((entry) => {
    counted.follow(entry);
    position.set(entry.slot, entry.seq);
    const { job: base, tasks } = decodeEntry(entry.row.entry, job);
    const total = counted.addTo(tallyOfRecord(base));
    return { jobId: job.id, job: { ...base, ...decodeTally(total) }, tasks, position: encodePosition(position) };
  });
}

/**
 * What each process has counted for itself behind an entry. Which processes do is not the same for all who write at the same time, but since when: whoever
 * takes the counts back into the job's row, where its number is from then on, is ordered against all of them.
 */
class Counted {
  readonly #bySlot = new Map<number, Tally>();
  #since: number | undefined;

  follow({ slot, row }: LogRow): void {
    if (row.since !== this.#since) this.#bySlot.clear();
    this.#since = row.since;
    if (row.own === undefined) return;
    const [counts, progress] = row.own;
    this.#bySlot.set(slot, tallyOf({ counts, progress }));
  }

  addTo(base: Tally): Tally {
    return [...this.#bySlot.values()].reduce(addTallies, base);
  }
}

function inLogOrder(a: LogRow, b: LogRow): number {
  return a.seq === b.seq ? a.slot - b.slot : a.seq - b.seq;
}

/** The widths make ids sort by number. Slots are few; a job has fewer steps than 10^12. */
function changeId(jobId: string, slot: number, seq: number): string {
  return `${jobId}/${fixed(slot, 4)}/${fixed(seq, 12)}`;
}

function fixed(value: number, width: number): string {
  return String(value).padStart(width, "0");
}

function placed(row: ChangeRow): LogRow {
  const [slot = "", seq = ""] = row._id.split("/").slice(-2);
  return { slot: Number(slot), seq: Number(seq), row };
}

function encodePosition(position: ReadonlyMap<number, number>): string {
  return [...position].map(([slot, seq]) => `${slot}:${seq}`).join(",");
}

/** null: not a position of ours. */
function decodePosition(text: string | null): Map<number, number> | null {
  if (text === null) return new Map();
  if (!/^\d{1,4}:\d{1,12}(,\d{1,4}:\d{1,12})*$/.test(text)) return null;
  return new Map(
    text.split(",").map((pair) => {
      const [slot = "", seq = ""] = pair.split(":");
      return [Number(slot), Number(seq)];
    }),
  );
}

import type { Limits } from "../domain/limits.ts";
import { accept, type Rejection, type Result, reject } from "../domain/rejection.ts";
import { checkLease } from "../domain/settle.ts";
import { characters } from "../domain/version.ts";
import type { CacheValueRecord } from "../store/store.ts";
import type { CacheTarget, CacheUpload } from "./api.ts";
import type { BatchContext } from "./batch-context.ts";
import { loadForSettle } from "./settle.ts";
import { inBatch, type RunStep } from "./step.ts";

/** Bytes of a value in one row. A value that fits in one is stored in one step. */
const CHUNK_BYTES = 256 * 1024;
const DELETED_PER_STEP = 500;

/** Begins a value of the job cache. Nothing is visible until it is finished. */
export async function putCacheValue(
  run: RunStep,
  limits: Limits,
  newId: () => string,
  target: CacheTarget,
): Promise<Result<CacheUpload>> {
  const refusal = checkKey(target.key, limits);
  if (refusal !== null) return { ok: false, rejection: refusal };
  const allowed = await inBatch(run, (context) => checkWriter(context, target));
  return allowed === null ? accept(new Upload(run, limits, newId(), target)) : { ok: false, rejection: allowed };
}

/** Deletes a value, or all whose keys begin with a prefix, a bounded number in each step. */
export async function deleteCacheValues(
  run: RunStep,
  target: CacheTarget & { readonly isPrefix: boolean },
): Promise<Result<number>> {
  let deleted = 0;
  for (;;) {
    const step = await inBatch(run, (context) => deleteSome(context, target));
    if (!step.ok) return step;
    deleted += step.value;
    if (step.value < DELETED_PER_STEP) return accept(deleted);
  }
}

async function deleteSome(
  context: BatchContext,
  target: CacheTarget & { readonly isPrefix: boolean },
): Promise<Result<number>> {
  const { uow } = context;
  const refusal = await checkWriter(context, target);
  if (refusal !== null) return { ok: false, rejection: refusal };
  const found = target.isPrefix
    ? await uow.tx.cacheValuesBelow(target.jobId, target.key, DELETED_PER_STEP)
    : [await uow.tx.loadCacheValue(target.jobId, target.key)];
  let count = 0;
  for (const value of found) {
    if (value === null) continue;
    uow.write("deleteCacheValues", { jobId: value.jobId, key: value.key, valueId: value.valueId });
    count++;
  }
  return accept(count);
}

/** Collects bytes into chunks; small values are held until the end and stored whole. */
class Upload implements CacheUpload {
  readonly #run: RunStep;
  readonly #limits: Limits;
  readonly #valueId: string;
  readonly #target: CacheTarget;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #size = 0;
  #chunks = 0;

  constructor(run: RunStep, limits: Limits, valueId: string, target: CacheTarget) {
    this.#run = run;
    this.#limits = limits;
    this.#valueId = valueId;
    this.#target = target;
  }

  async append(data: Uint8Array): Promise<Result<null>> {
    this.#size += data.length;
    if (this.#size > this.#limits.maxCacheValueBytes) {
      const limit = this.#limits.maxCacheValueBytes;
      return reject("VALUE_TOO_LARGE", `data has more than max_cache_value_bytes (${limit})`);
    }
    this.#held.push(data);
    this.#heldBytes += data.length;
    return this.#heldBytes > CHUNK_BYTES ? this.#store(this.#takeFull()) : accept(null);
  }

  finish(): Promise<Result<CacheValueRecord>> {
    const rest = this.#held.length > 0 || this.#chunks === 0 ? [Buffer.concat(this.#held)] : [];
    return inBatch(this.#run, async (context) => {
      const refusal = await this.#check(context);
      if (refusal !== null) {
        if (this.#chunks > 0) context.uow.write("abortUploads", this.#valueId);
        return { ok: false, rejection: refusal };
      }
      this.#writeChunks(context, rest);
      const { jobId, key } = this.#target;
      const value = { valueId: this.#valueId, jobId, key, size: this.#size, writtenAt: context.uow.now };
      context.uow.write("finishUploads", value);
      return accept(value);
    });
  }

  async abort(): Promise<void> {
    this.#held = [];
    if (this.#chunks === 0) return;
    await inBatch(this.#run, async (context) => context.uow.write("abortUploads", this.#valueId));
  }

  /** Whole chunks out of what is held. */
  #takeFull(): Uint8Array[] {
    const all = Buffer.concat(this.#held);
    const full: Uint8Array[] = [];
    let at = 0;
    for (; all.length - at >= CHUNK_BYTES; at += CHUNK_BYTES) full.push(all.subarray(at, at + CHUNK_BYTES));
    this.#held = at < all.length ? [all.subarray(at)] : [];
    this.#heldBytes = all.length - at;
    return full;
  }

  async #store(chunks: readonly Uint8Array[]): Promise<Result<null>> {
    const refusal = await inBatch(this.#run, async (context) => {
      const refusal = await this.#check(context);
      if (refusal === null) this.#writeChunks(context, chunks);
      return refusal;
    });
    if (refusal !== null) return { ok: false, rejection: refusal };
    this.#chunks += chunks.length;
    return accept(null);
  }

  /** Refuses what `checkWriter` refuses, and an upload whose first chunks were cleaned up because nothing came for too long. */
  async #check(context: BatchContext): Promise<Rejection | null> {
    const refusal = await checkWriter(context, this.#target);
    if (refusal !== null || this.#chunks === 0) return refusal;
    if ((await context.uow.tx.loadUploads([this.#valueId])).length > 0) return null;
    return { reason: "UNAVAILABLE", message: "the upload took too long and was given up; begin it again" };
  }

  #writeChunks(context: BatchContext, chunks: readonly Uint8Array[]): void {
    const { uow } = context;
    uow.write("beginUploads", { valueId: this.#valueId, jobId: this.#target.jobId, startedAt: uow.now });
    for (const [offset, data] of chunks.entries()) {
      uow.write("putChunks", { valueId: this.#valueId, index: this.#chunks + offset, data });
    }
  }
}

/** Refuses a writer whose job does not exist or whose attempt was superseded. */
async function checkWriter(context: BatchContext, target: CacheTarget): Promise<Rejection | null> {
  const { uow } = context;
  await uow.loadJobs([target.jobId]);
  if (uow.findJob(target.jobId) === undefined) {
    return { reason: "JOB_NOT_FOUND", message: `job ${target.jobId} does not exist` };
  }
  if (target.writer === null) return null;
  await loadForSettle(context, [target.writer.taskId]);
  const task = uow.task(target.writer.taskId);
  const lease = checkLease(task, target.writer.leaseToken);
  if (!lease.ok) return lease.rejection;
  if (lease.value === "current" && task?.jobId === target.jobId) {
    // What a superseded attempt writes must not come behind what its successor wrote.
    uow.guards.task(task.id);
    return null;
  }
  return { reason: "STALE_LEASE", message: "the attempt has ended, or belongs to another job; nothing was changed" };
}

function checkKey(key: string, limits: Limits): Rejection | null {
  if (key === "" || key.split("/").includes("")) {
    return { reason: "INVALID_ARGUMENT", message: "key must not be empty, nor any part of it between slashes" };
  }
  if (characters(key) <= limits.maxCacheKeyLength) return null;
  return {
    reason: "LIMIT_EXCEEDED",
    message: `key has more than max_cache_key_length (${limits.maxCacheKeyLength}) characters`,
  };
}

import type { ServerReadableStream, ServerWritableStream, sendUnaryData } from "@grpc/grpc-js";
import { accept, type Result, reject } from "../domain/rejection.ts";
import type { CacheTarget, CacheUpload } from "../engine/api.ts";
import type {
  CacheWriter,
  DeleteValueRequest,
  DeleteValueResponse,
  GetValueRequest,
  GetValueResponse,
  ListValuesRequest,
  ListValuesResponse,
  PutValueHeader,
  PutValueRequest,
  PutValueResponse,
} from "../gen/taskgrove/v1/cache.ts";
import type { CacheValueRecord } from "../store/store.ts";
import { drained, endedOnPurpose, endWithRejection, endWithThrown, type RpcContext, unary } from "./calls.ts";
import { asBuffer, encodeCacheValue } from "./encode.ts";
import { decodePage, encodePageToken } from "./paging.ts";
import { thrownToCallFailure, toCallFailure } from "./status.ts";

type PutCall = ServerReadableStream<PutValueRequest, PutValueResponse>;
type GetCall = ServerWritableStream<GetValueRequest, GetValueResponse>;

/** As the contract says. */
const MAX_CHUNK_BYTES = 1024 * 1024;
const PUT = "CacheService.PutValue";
const GET = "CacheService.GetValue";

/** Makes the handlers of CacheService. */
export function createCacheService(context: RpcContext) {
  const { engine } = context;
  return {
    putValue(call: PutCall, callback: sendUnaryData<PutValueResponse>): void {
      putValue(context, call).then(
        (stored) => {
          if (stored.ok) callback(null, { size: stored.value.size });
          else callback(toCallFailure(stored.rejection));
        },
        (error: unknown) => {
          if (!call.cancelled) callback(thrownToCallFailure(error, PUT, context.logger));
        },
      );
    },

    getValue(call: GetCall): void {
      getValue(context, call).then(
        (read) => (read.ok ? call.end() : endWithRejection(call, read.rejection)),
        (error: unknown) => endWithThrown(call, error, GET, context.logger),
      );
    },

    listValues: unary(context, "CacheService.ListValues", async (request: ListValuesRequest) => {
      const page = decodePage("values", request);
      if (!page.ok) return page;
      const { jobId, prefix, directOnly } = request;
      const job = await requireJob(context, jobId);
      if (!job.ok) return job;
      const listing = await engine.reads.listCacheValues({ jobId, prefix, directOnly }, page.value);
      return accept<ListValuesResponse>({
        values: listing.values.map(encodeCacheValue),
        groups: [...listing.groups],
        nextPageToken: encodePageToken("values", listing.next),
      });
    }),

    deleteValue: unary(context, "CacheService.DeleteValue", async (request: DeleteValueRequest) => {
      const { jobId, target, writer } = request;
      if (target === undefined) return reject("INVALID_ARGUMENT", "target is missing: key or prefix must be set");
      const deleted = await engine.deleteCacheValues({
        jobId,
        key: target.value,
        isPrefix: target.$case === "prefix",
        writer: decodeWriter(writer),
      });
      return deleted.ok ? accept<DeleteValueResponse>({ deleted: deleted.value }) : deleted;
    }),
  };
}

/** Stores a value as its chunks come: reading waits for writing, so a fast sender costs one chunk of memory. */
async function putValue(context: RpcContext, call: PutCall): Promise<Result<CacheValueRecord>> {
  const frames = (call as AsyncIterable<PutValueRequest>)[Symbol.asyncIterator]();
  const first = await frames.next();
  if (first.done === true || first.value.frame?.$case !== "header") {
    return reject("INVALID_ARGUMENT", "the first frame must be a header");
  }
  const begun = await context.engine.putCacheValue(decodeTarget(first.value.frame.value));
  if (!begun.ok) return begun;
  const upload = begun.value;
  try {
    const received = await receive(frames, upload);
    if (received.ok && (await endedOnPurpose(call))) return await upload.finish();
    await upload.abort();
    return received.ok ? reject("INVALID_ARGUMENT", "the stream broke before the value was complete") : received;
  } catch (error) {
    // The caller went away, or the store did; what is left behind then is cleaned up as an abandoned upload.
    await upload.abort().catch((cause: unknown) => context.logger.debug({ err: cause }, "upload not aborted"));
    throw error;
  }
}

async function receive(frames: AsyncIterator<PutValueRequest>, upload: CacheUpload): Promise<Result<null>> {
  for (let next = await frames.next(); next.done !== true; next = await frames.next()) {
    const frame = next.value.frame;
    if (frame?.$case !== "data") return reject("INVALID_ARGUMENT", "frames behind the header must be data");
    if (frame.value.length > MAX_CHUNK_BYTES) {
      return reject("LIMIT_EXCEEDED", `data has ${frame.value.length} bytes; a chunk may have ${MAX_CHUNK_BYTES}`);
    }
    const appended = await upload.append(frame.value);
    if (!appended.ok) return appended;
  }
  return accept(null);
}

async function getValue(context: RpcContext, call: GetCall): Promise<Result<null>> {
  const { jobId, key } = call.request;
  const { reads } = context.engine;
  const value = await reads.cacheValue(jobId, key);
  if (value === null) {
    const job = await requireJob(context, jobId);
    return job.ok ? reject("VALUE_NOT_FOUND", `the job cache has no value ${JSON.stringify(key)}`) : job;
  }
  await write(call, { frame: { $case: "value", value: encodeCacheValue(value) } });
  let sent = 0;
  for (let index = 0; sent < value.size && !call.cancelled; index++) {
    const chunk = await reads.cacheChunk(value.valueId, index);
    if (chunk === null)
      return reject("UNAVAILABLE", "the value was replaced or deleted while it was read; read it again");
    await write(call, { frame: { $case: "data", value: asBuffer(chunk) } });
    sent += chunk.length;
  }
  return accept(null);
}

async function write(call: GetCall, response: GetValueResponse): Promise<void> {
  if (!call.write(response)) await drained(call);
}

async function requireJob(context: RpcContext, jobId: string): Promise<Result<null>> {
  const job = await context.engine.reads.job(jobId);
  return job === null ? reject("JOB_NOT_FOUND", `there is no job ${JSON.stringify(jobId)}`) : accept(null);
}

function decodeTarget(header: PutValueHeader): CacheTarget {
  return { jobId: header.jobId, key: header.key, writer: decodeWriter(header.writer) };
}

function decodeWriter(writer: CacheWriter | undefined): CacheTarget["writer"] {
  return writer === undefined ? null : { taskId: writer.taskId, leaseToken: writer.leaseToken };
}

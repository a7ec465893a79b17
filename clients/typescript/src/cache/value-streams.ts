import type { Client as GrpcClient } from "@grpc/grpc-js";
import { toTaskgroveError } from "../errors.ts";
import {
  CacheServiceService,
  type GetValueRequest,
  type PutValueHeader,
  type PutValueRequest,
} from "../gen/taskgrove/v1/cache.ts";
import { openServerStream } from "../rpc/calls.ts";

const chunkBytes = 256 * 1024;

/** Reads a value, chunk by chunk. Rejects with a TaskgroveError. */
export async function readValue(client: GrpcClient, name: GetValueRequest): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const response of openServerStream(client, CacheServiceService.getValue, name)) {
      if (response.frame?.$case === "data") chunks.push(response.frame.value);
    }
  } catch (error) {
    throw toTaskgroveError(error);
  }
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
}

/** Writes a value, chunk by chunk, no faster than it is taken. Rejects with a TaskgroveError. */
export function writeValue(client: GrpcClient, header: PutValueHeader, value: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = client.makeClientStreamRequest(
      CacheServiceService.putValue.path,
      CacheServiceService.putValue.requestSerialize,
      CacheServiceService.putValue.responseDeserialize,
      (error: Error | null) => (error ? reject(toTaskgroveError(error)) : resolve()),
    );
    const frames = toFrames(header, value);
    const pump = () => {
      for (const frame of frames) if (!call.write(frame)) return void call.once("drain", pump);
      call.end();
    };
    // A refused call reports to the callback; what was still to be written is of no interest then.
    call.on("error", () => {});
    pump();
  });
}

/** An iterator that goes on where it was left, which `for … of` over a plain generator would close. */
function toFrames(header: PutValueHeader, value: Uint8Array): Iterable<PutValueRequest> {
  let offset = -1;
  const next = (): IteratorResult<PutValueRequest> => {
    if (offset < 0) {
      offset = 0;
      return { done: false, value: { frame: { $case: "header", value: header } } };
    }
    if (offset >= value.byteLength) return { done: true, value: undefined };
    const data = Buffer.from(value.buffer, value.byteOffset + offset, Math.min(chunkBytes, value.byteLength - offset));
    offset += data.byteLength;
    return { done: false, value: { frame: { $case: "data", value: data } } };
  };
  return { [Symbol.iterator]: () => ({ next }) };
}

import type { Client as GrpcClient } from "@grpc/grpc-js";
import type { JobCache } from "../context.ts";
import { TaskgroveError, toTaskgroveError } from "../errors.ts";
import { CacheServiceService, type CacheWriter, type ListValuesResponse } from "../gen/taskgrove/v1/cache.ts";
import { encodeJson } from "../input.ts";
import { paginate, unary } from "../rpc/calls.ts";
import { readValue, writeValue } from "./value-streams.ts";

/** Which cache, and as whom. */
export interface CacheAccess {
  /** Makes a call, again when the orchestrator was lost: all of them may be repeated. */
  call<Result>(call: (client: GrpcClient) => Promise<Result>): Promise<Result>;
  readonly jobId: string;
  /** The attempt that writes. Missing: a submitter. */
  readonly writer?: CacheWriter;
}

/** The job cache over gRPC. */
export class GrpcJobCache implements JobCache {
  readonly #access: CacheAccess;
  /** Empty, or a path that ends in a slash. */
  readonly #prefix: string;

  constructor(access: CacheAccess, prefix = "") {
    this.#access = access;
    this.#prefix = prefix;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const name = { jobId: this.#access.jobId, key: this.#prefix + key };
    try {
      return await this.#call((client) => readValue(client, name));
    } catch (error) {
      if (error instanceof TaskgroveError && isMissingValue(error)) return undefined;
      throw error;
    }
  }

  async getText(key: string): Promise<string | undefined> {
    const value = await this.get(key);
    return value && Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("utf8");
  }

  async getJson(key: string): Promise<unknown> {
    const text = await this.getText(key);
    return text === undefined ? undefined : JSON.parse(text);
  }

  async set(key: string, value: Uint8Array | string): Promise<void> {
    const bytes = typeof value === "string" ? Buffer.from(value) : value;
    const header = { jobId: this.#access.jobId, key: this.#prefix + key, writer: this.#access.writer };
    await this.#call((client) => writeValue(client, header, bytes));
  }

  setJson(key: string, value: unknown): Promise<void> {
    return this.set(key, encodeJson(value, "value"));
  }

  async delete(key: string): Promise<boolean> {
    return (await this.#delete({ $case: "key", value: this.#prefix + key })) > 0;
  }

  clear(): Promise<number> {
    return this.#delete({ $case: "prefix", value: this.#prefix });
  }

  group(name: string): JobCache {
    if (name.split("/").includes("")) throw new TypeError(`cache group ${JSON.stringify(name)} has an empty part`);
    return new GrpcJobCache(this.#access, `${this.#prefix}${name}/`);
  }

  keys(): AsyncIterable<string> {
    return this.#list(true, (page) => page.values.map((value) => value.key.slice(this.#prefix.length)));
  }

  groups(): AsyncIterable<string> {
    return this.#list(true, (page) => page.groups.map((group) => group.slice(this.#prefix.length, -1)));
  }

  [Symbol.asyncIterator](): AsyncIterator<string> {
    const all = this.#list(false, (page) => page.values.map((value) => value.key.slice(this.#prefix.length)));
    return all[Symbol.asyncIterator]();
  }

  #list(directOnly: boolean, select: (page: ListValuesResponse) => string[]): AsyncIterable<string> {
    const query = { jobId: this.#access.jobId, prefix: this.#prefix, directOnly, pageSize: 0 };
    return paginate(async (pageToken) => {
      const page = await this.#call((client) => unary(client, CacheServiceService.listValues, { ...query, pageToken }));
      return { items: select(page), nextPageToken: page.nextPageToken };
    });
  }

  async #delete(target: { $case: "key" | "prefix"; value: string }): Promise<number> {
    const request = { jobId: this.#access.jobId, target, writer: this.#access.writer };
    const response = await this.#call((client) => unary(client, CacheServiceService.deleteValue, request));
    return response.deleted;
  }

  async #call<Result>(call: (client: GrpcClient) => Promise<Result>): Promise<Result> {
    try {
      return await this.#access.call(call);
    } catch (error) {
      throw toTaskgroveError(error);
    }
  }
}

function isMissingValue(error: TaskgroveError): boolean {
  return error.reason === "VALUE_NOT_FOUND";
}

import type { Client as GrpcClient } from "@grpc/grpc-js";
import { RunnerServiceService } from "../gen/taskgrove/v1/runner.ts";
import type { RunnerInfo } from "../model.ts";
import { paginate, unary } from "../rpc/calls.ts";
import { decodeRunner } from "./decode.ts";

/** Shows runners. */
export class RunnerClient {
  readonly #client: GrpcClient;

  constructor(client: GrpcClient) {
    this.#client = client;
  }

  /** Sessions that are alive, oldest first. */
  list(filter: { readonly cluster?: string } = {}): AsyncIterable<RunnerInfo> {
    const cluster = filter.cluster ?? "";
    return paginate(async (pageToken) => {
      const page = await unary(this.#client, RunnerServiceService.listRunners, { cluster, pageSize: 0, pageToken });
      return { items: page.runners.map(decodeRunner), nextPageToken: page.nextPageToken };
    });
  }
}

import { RunnerServiceService } from "../gen/taskgrove/v1/runner.ts";
import type { RunnerInfo } from "../model.ts";
import { paginate } from "../rpc/calls.ts";
import type { Orchestrators } from "../rpc/orchestrators.ts";
import { decodeRunner } from "./decode.ts";

/** Shows runners. */
export class RunnerClient {
  readonly #orchestrators: Orchestrators;

  constructor(orchestrators: Orchestrators) {
    this.#orchestrators = orchestrators;
  }

  /** Sessions that are alive, oldest first. */
  list(filter: { readonly cluster?: string } = {}): AsyncIterable<RunnerInfo> {
    const cluster = filter.cluster ?? "";
    return paginate(async (pageToken) => {
      const page = await this.#orchestrators.unary(RunnerServiceService.listRunners, {
        cluster,
        pageSize: 0,
        pageToken,
      });
      return { items: page.runners.map(decodeRunner), nextPageToken: page.nextPageToken };
    });
  }
}

import { ClusterServiceService } from "../gen/taskgrove/v1/cluster.ts";
import type { Cluster } from "../model.ts";
import { paginate } from "../rpc/calls.ts";
import type { Orchestrators } from "../rpc/orchestrators.ts";
import { decodeCluster } from "./decode.ts";

/** Manages clusters. Whatever the orchestrator refuses is thrown as a TaskgroveError. */
export class ClusterClient {
  readonly #orchestrators: Orchestrators;

  constructor(orchestrators: Orchestrators) {
    this.#orchestrators = orchestrators;
  }

  /** Creates a cluster. Without a slug, one is made from the display name. */
  async create(cluster: {
    readonly slug?: string;
    readonly displayName?: string;
    readonly description?: string;
  }): Promise<Cluster> {
    const { slug = "", displayName = "", description = "" } = cluster;
    const { createCluster } = ClusterServiceService;
    const response = await this.#orchestrators.unary(createCluster, { slug, displayName, description }, { once: true });
    return decodeCluster(response.cluster);
  }

  /** Reads a cluster; without a slug, the default one. */
  async get(slug = ""): Promise<Cluster> {
    return decodeCluster((await this.#orchestrators.unary(ClusterServiceService.getCluster, { slug })).cluster);
  }

  /** The default cluster first, then by slug. */
  list(): AsyncIterable<Cluster> {
    return paginate(async (pageToken) => {
      const page = await this.#orchestrators.unary(ClusterServiceService.listClusters, { pageSize: 0, pageToken });
      return { items: page.clusters.map(decodeCluster), nextPageToken: page.nextPageToken };
    });
  }

  /** Changes what is given. */
  async update(
    slug: string,
    changes: { readonly displayName?: string; readonly description?: string },
  ): Promise<Cluster> {
    const { displayName, description } = changes;
    const response = await this.#orchestrators.unary(ClusterServiceService.updateCluster, {
      slug,
      displayName,
      description,
    });
    return decodeCluster(response.cluster);
  }

  /** Deletes a cluster that nothing uses. */
  async delete(slug: string): Promise<void> {
    await this.#orchestrators.unary(ClusterServiceService.deleteCluster, { slug }, { once: true });
  }
}

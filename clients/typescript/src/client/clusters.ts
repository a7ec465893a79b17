import type { Client as GrpcClient } from "@grpc/grpc-js";
import { ClusterServiceService } from "../gen/taskgrove/v1/cluster.ts";
import type { Cluster } from "../model.ts";
import { paginate, unary } from "../rpc/calls.ts";
import { decodeCluster } from "./decode.ts";

/** Manages clusters. Whatever the orchestrator refuses is thrown as a TaskgroveError. */
export class ClusterClient {
  readonly #client: GrpcClient;

  constructor(client: GrpcClient) {
    this.#client = client;
  }

  /** Creates a cluster. Without a slug, one is made from the display name. */
  async create(cluster: {
    readonly slug?: string;
    readonly displayName?: string;
    readonly description?: string;
  }): Promise<Cluster> {
    const { slug = "", displayName = "", description = "" } = cluster;
    const response = await unary(this.#client, ClusterServiceService.createCluster, { slug, displayName, description });
    return decodeCluster(response.cluster);
  }

  /** Reads a cluster; without a slug, the default one. */
  async get(slug = ""): Promise<Cluster> {
    return decodeCluster((await unary(this.#client, ClusterServiceService.getCluster, { slug })).cluster);
  }

  /** The default cluster first, then by slug. */
  list(): AsyncIterable<Cluster> {
    return paginate(async (pageToken) => {
      const page = await unary(this.#client, ClusterServiceService.listClusters, { pageSize: 0, pageToken });
      return { items: page.clusters.map(decodeCluster), nextPageToken: page.nextPageToken };
    });
  }

  /** Changes what is given. */
  async update(
    slug: string,
    changes: { readonly displayName?: string; readonly description?: string },
  ): Promise<Cluster> {
    const { displayName, description } = changes;
    const response = await unary(this.#client, ClusterServiceService.updateCluster, { slug, displayName, description });
    return decodeCluster(response.cluster);
  }

  /** Deletes a cluster that nothing uses. */
  async delete(slug: string): Promise<void> {
    await unary(this.#client, ClusterServiceService.deleteCluster, { slug });
  }
}

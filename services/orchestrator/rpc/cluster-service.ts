import type { ClusterRecord } from "../domain/records.ts";
import { accept, type Result, reject } from "../domain/rejection.ts";
import { DEFAULT_CLUSTER } from "../engine/create-tasks.ts";
import type {
  Cluster,
  CreateClusterRequest,
  DeleteClusterRequest,
  DeleteClusterResponse,
  GetClusterRequest,
  GetClusterResponse,
  ListClustersRequest,
  ListClustersResponse,
  UpdateClusterRequest,
} from "../gen/taskgrove/v1/cluster.ts";
import { type RpcContext, unary } from "./calls.ts";
import { encodeCluster } from "./encode.ts";
import { decodePage, encodePageToken } from "./paging.ts";

/** Makes the handlers of ClusterService. */
export function createClusterService(context: RpcContext) {
  const { engine } = context;
  return {
    createCluster: unary(context, "ClusterService.CreateCluster", async (request: CreateClusterRequest) => {
      const { slug, displayName, description } = request;
      return withCluster(await engine.createCluster({ slug, displayName, description }));
    }),

    getCluster: unary(context, "ClusterService.GetCluster", async (request: GetClusterRequest) => {
      const slug = slugOrDefault(request.slug);
      const cluster = (await engine.reads.clusters()).find((one) => one.slug === slug);
      if (cluster === undefined) return reject("CLUSTER_NOT_FOUND", `there is no cluster ${JSON.stringify(slug)}`);
      return accept<GetClusterResponse>({ cluster: encode(cluster) });
    }),

    listClusters: unary(context, "ClusterService.ListClusters", async (request: ListClustersRequest) => {
      const page = decodePage("clusters", request);
      if (!page.ok) return page;
      const { limit, after } = page.value;
      const rest = (await engine.reads.clusters())
        .sort(compareClusters)
        .filter((cluster) => after === null || compareClusters(cluster, { slug: after }) > 0);
      const clusters = rest.slice(0, limit);
      const next = rest.length > limit ? (clusters.at(-1)?.slug ?? null) : null;
      return accept<ListClustersResponse>({
        clusters: clusters.map(encode),
        nextPageToken: encodePageToken("clusters", next),
      });
    }),

    updateCluster: unary(context, "ClusterService.UpdateCluster", async (request: UpdateClusterRequest) =>
      withCluster(
        await engine.updateCluster({
          slug: slugOrDefault(request.slug),
          ...(request.displayName === undefined ? {} : { displayName: request.displayName }),
          ...(request.description === undefined ? {} : { description: request.description }),
        }),
      ),
    ),

    deleteCluster: unary(context, "ClusterService.DeleteCluster", async (request: DeleteClusterRequest) => {
      const deleted = await engine.deleteCluster(request.slug);
      return deleted.ok ? accept<DeleteClusterResponse>({}) : deleted;
    }),
  };
}

function withCluster(result: Result<ClusterRecord>): Result<{ cluster: Cluster }> {
  return result.ok ? accept({ cluster: encode(result.value) }) : result;
}

function encode(cluster: ClusterRecord): Cluster {
  return encodeCluster(cluster, cluster.slug === DEFAULT_CLUSTER);
}

function slugOrDefault(slug: string): string {
  return slug === "" ? DEFAULT_CLUSTER : slug;
}

/** The default cluster first, then by slug. */
function compareClusters(a: Pick<ClusterRecord, "slug">, b: Pick<ClusterRecord, "slug">): number {
  const rank = Number(a.slug !== DEFAULT_CLUSTER) - Number(b.slug !== DEFAULT_CLUSTER);
  if (rank !== 0) return rank;
  return a.slug < b.slug ? -1 : Number(a.slug > b.slug);
}

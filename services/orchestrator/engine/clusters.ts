import type { Limits } from "../domain/limits.ts";
import type { ClusterRecord } from "../domain/records.ts";
import { accept, type Result, reject } from "../domain/rejection.ts";
import { checkText } from "../domain/validate.ts";
import { quote } from "../domain/version.ts";
import { DEFAULT_CLUSTER } from "./create-tasks.ts";
import { inBatch, type RunStep } from "./step.ts";

const SLUG = /^[A-Za-z0-9-]{1,63}$/;

/** Creates a cluster. An empty slug is made from the display name, with the end of a fresh id when that is taken. */
export function createCluster(
  run: RunStep,
  limits: Limits,
  newId: () => string,
  cluster: { readonly slug: string; readonly displayName: string; readonly description: string },
): Promise<Result<ClusterRecord>> {
  const derived = slugOf(cluster.displayName);
  const slug = cluster.slug === "" ? derived : cluster.slug;
  if (slug === "") return refused("cluster.slug and cluster.display_name must not both be empty");
  if (!SLUG.test(slug)) return refused(`slug ${quote(slug)} must be 1 to 63 letters, digits and hyphens`);
  const refusal = checkTexts(cluster, limits);
  if (refusal !== null) return Promise.resolve({ ok: false, rejection: refusal });
  return inBatch(run, async ({ uow }) => {
    let free = slug;
    if ((await uow.tx.loadClusters([slug])).length > 0) {
      if (cluster.slug !== "") return reject("CLUSTER_EXISTS", `cluster ${quote(slug)} exists already`);
      free = `${slug.slice(0, 54)}-${newId().slice(-8).toLowerCase()}`;
    }
    const { description } = cluster;
    const displayName = cluster.displayName === "" ? free : cluster.displayName;
    const record = { slug: free, displayName, description, createdAt: uow.now };
    // At once, so that a second creation in the same batch finds it.
    await uow.tx.write({ putClusters: [record] });
    return accept(record);
  });
}

/** Changes what is given. */
export function updateCluster(
  run: RunStep,
  limits: Limits,
  change: { readonly slug: string; readonly displayName?: string; readonly description?: string },
): Promise<Result<ClusterRecord>> {
  const refusal = checkTexts({ displayName: "", description: "", ...change }, limits);
  if (refusal !== null) return Promise.resolve({ ok: false, rejection: refusal });
  const slug = change.slug === "" ? DEFAULT_CLUSTER : change.slug;
  return inBatch(run, async ({ uow }) => {
    const [cluster] = await uow.tx.loadClusters([slug]);
    if (cluster === undefined) return clusterNotFound(slug);
    const changed: ClusterRecord = {
      ...cluster,
      displayName: change.displayName ?? cluster.displayName,
      description: change.description ?? cluster.description,
    };
    await uow.tx.write({ putClusters: [changed] });
    return accept(changed);
  });
}

/** Deletes a cluster that nothing uses. */
export function deleteCluster(run: RunStep, slug: string): Promise<Result<null>> {
  if (slug === DEFAULT_CLUSTER) {
    return Promise.resolve(reject("CLUSTER_IN_USE", "the default cluster cannot be deleted"));
  }
  return inBatch(run, async ({ uow }) => {
    const [cluster] = await uow.tx.loadClusters([slug]);
    if (cluster === undefined) return clusterNotFound(slug);
    await uow.flushTasks();
    if (await uow.tx.clusterInUse(slug)) {
      return reject("CLUSTER_IN_USE", `cluster ${quote(slug)} has unfinished tasks or connected runners`);
    }
    await uow.tx.write({ deleteClusters: [slug] });
    return accept(null);
  });
}

function checkTexts(texts: { readonly displayName: string; readonly description: string }, limits: Limits) {
  return (
    checkText("display_name", texts.displayName, limits.maxNameLength, false) ??
    checkText("description", texts.description, limits.maxDisplayLength, false)
  );
}

function slugOf(displayName: string): string {
  return displayName
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 63);
}

function clusterNotFound(slug: string): ReturnType<typeof reject> {
  return reject("CLUSTER_NOT_FOUND", `cluster ${quote(slug)} does not exist`);
}

function refused(message: string): Promise<Result<ClusterRecord>> {
  return Promise.resolve(reject("INVALID_ARGUMENT", message));
}

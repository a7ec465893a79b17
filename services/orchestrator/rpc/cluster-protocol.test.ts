import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { ClusterServiceService, ListClustersRequest } from "../gen/taskgrove/v1/cluster.ts";
import { JobServiceService } from "../gen/taskgrove/v1/job_service.ts";
import { build } from "../testing/build.ts";
import { aJob, RawClient } from "../testing/raw-client.ts";
import { RawRunner } from "../testing/raw-runner.ts";
import { refusal } from "../testing/requests.ts";
import { startTestOrchestrator } from "../testing/test-orchestrator.ts";

describe("clusters", () => {
  it("are created, read, changed and deleted", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const create = (slug: string, displayName = "") =>
      client.unary(ClusterServiceService.createCluster, { slug, displayName, description: "" });
    expect((await create("gpu")).cluster).toMatchObject({ slug: "gpu", displayName: "gpu", deletable: true });
    expect(await refusal(create("gpu"))).toMatchObject({ code: status.ALREADY_EXISTS, reason: "CLUSTER_EXISTS" });
    expect((await refusal(create("not a slug"))).code).toBe(status.INVALID_ARGUMENT);
    expect((await refusal(create("", "!!!"))).code).toBe(status.INVALID_ARGUMENT);

    const changed = await client.unary(ClusterServiceService.updateCluster, { slug: "gpu", description: "fast" });
    expect(changed.cluster).toMatchObject({ displayName: "gpu", description: "fast" });
    const read = await client.unary(ClusterServiceService.getCluster, { slug: "gpu" });
    expect(read).toEqual(changed);

    const remove = (slug: string) => client.unary(ClusterServiceService.deleteCluster, { slug });
    await remove("gpu");
    expect(await refusal(remove("gpu"))).toMatchObject({ code: status.NOT_FOUND, reason: "CLUSTER_NOT_FOUND" });
  });

  it("have a default one that stays", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const { cluster } = await client.unary(ClusterServiceService.getCluster, { slug: "" });
    expect(cluster).toMatchObject({ slug: "default", deletable: false });
    const remove = client.unary(ClusterServiceService.deleteCluster, { slug: "default" });
    expect((await refusal(remove)).code).toBe(status.FAILED_PRECONDITION);
  });

  it("are not deleted while a runner is connected to them", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    await client.unary(ClusterServiceService.createCluster, { slug: "gpu", displayName: "", description: "" });
    const { runner } = await RawRunner.open(server.grpcAddress, { cluster: "gpu" });
    const remove = () => client.unary(ClusterServiceService.deleteCluster, { slug: "gpu" });
    expect(await refusal(remove())).toMatchObject({ code: status.FAILED_PRECONDITION, reason: "CLUSTER_IN_USE" });
    await runner.end();
    await remove();
  });

  it("are listed in pages, the default one first", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    for (const slug of ["zoo", "a", "fast"]) {
      await client.unary(ClusterServiceService.createCluster, { slug, displayName: "", description: "" });
    }
    const list = (pageToken: string) =>
      client.unary(ClusterServiceService.listClusters, build(ListClustersRequest, { pageSize: 2, pageToken }));
    const first = await list("");
    expect(first.clusters.map((cluster) => cluster.slug)).toEqual(["default", "a"]);
    const second = await list(first.nextPageToken);
    expect(second.clusters.map((cluster) => cluster.slug)).toEqual(["fast", "zoo"]);
    expect(second.nextPageToken).toBe("");
  });

  it("separate runners and tasks", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const made = await client.unary(ClusterServiceService.createCluster, {
      slug: "",
      displayName: "Our GPUs: #1",
      description: "",
    });
    expect(made.cluster).toMatchObject({ slug: "our-gpus-1", displayName: "Our GPUs: #1", deletable: true });
    const { runner } = await RawRunner.open(server.grpcAddress, { credits: 9, cluster: "our-gpus-1" });
    await using _ = runner;
    await client.unary(JobServiceService.submitJob, aJob(["for the default cluster"]));
    const other = aJob(["for the other"], {
      tasks: {
        templates: [{ identifier: { name: "Task", version: "v1.0" }, cluster: "our-gpus-1" }],
        groups: [{ tasks: [{ input: Buffer.from("for the other") }] }],
      },
    });
    await client.unary(JobServiceService.submitJob, other);
    const grants = await runner.grants(1);
    expect(grants.map((grant) => grant.input.toString())).toEqual(["for the other"]);
    expect(grants[0]?.cluster).toBe("our-gpus-1");
  });
});

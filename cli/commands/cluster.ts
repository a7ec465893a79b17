import type { Command } from "commander";
import type { Cluster } from "taskgrove";
import { UsageError } from "../exit-codes.ts";
import { type Column, formatFields, formatTable } from "../format/table.ts";
import { oneLine } from "../format/text.ts";
import { formatAgo, formatTime } from "../format/values.ts";
import { type CliIo, stdoutStyle, writeJson, writeLines } from "../io.ts";
import { type ConnectionOptions, withClient, withConnection } from "./shared.ts";

interface DescribeOptions extends ConnectionOptions {
  readonly name?: string;
  readonly description?: string;
}

const examples = `
Examples:
  taskgrove cluster create gpu --name "GPU machines" --description "two cards each"
  taskgrove cluster update gpu --description "four cards each"
  taskgrove cluster delete gpu`;

/** Adds `taskgrove cluster …`. */
export function addClusterCommands(program: Command, io: CliIo): void {
  const cluster = program
    .command("cluster")
    .alias("clusters")
    .description("manage clusters: named groups of runners that tasks are addressed to")
    .addHelpText("after", examples);
  addCreate(cluster, io);
  addList(cluster, io);
  addGet(cluster, io);
  addUpdate(cluster, io);
  addDelete(cluster, io);
}

function addCreate(cluster: Command, io: CliIo): void {
  withConnection(cluster.command("create"))
    .description("create a cluster")
    .argument("<slug>", "its unique slug: letters, digits and hyphens")
    .option("--name <text>", "shown to people (default: the slug)")
    .option("--description <text>", "shown to people")
    .action(async (slug: string, options: DescribeOptions) => {
      await withClient(options, io, async (client) => {
        writeCluster(await client.clusters.create({ slug, ...changes(options) }), options, io);
      });
    });
}

function addList(cluster: Command, io: CliIo): void {
  withConnection(cluster.command("list").alias("ls"))
    .description("list clusters, the default one first")
    .action(async (options: ConnectionOptions) => {
      await withClient(options, io, async (client) => {
        const style = stdoutStyle(io);
        if (options.json === true) for await (const one of client.clusters.list()) writeJson(io, one);
        else {
          writeLines(io, formatTable(clusterColumns(io.clock()), await Array.fromAsync(client.clusters.list()), style));
        }
      });
    });
}

/** The columns of a table of clusters. */
export function clusterColumns(now: number): Column<Cluster>[] {
  return [
    { title: "SLUG", value: (cluster) => cluster.slug },
    { title: "NAME", value: (cluster) => oneLine(cluster.displayName) },
    { title: "CREATED", value: (cluster) => formatAgo(cluster.createdAt, now) },
    { title: "DESCRIPTION", value: (cluster) => oneLine(cluster.description) },
  ];
}

function addGet(cluster: Command, io: CliIo): void {
  withConnection(cluster.command("get").alias("show"))
    .description("show one cluster")
    .argument("[slug]", "its slug (default: the default cluster)")
    .action(async (slug: string | undefined, options: ConnectionOptions) => {
      await withClient(options, io, async (client) => {
        writeCluster(await client.clusters.get(slug), options, io);
      });
    });
}

function addUpdate(cluster: Command, io: CliIo): void {
  withConnection(cluster.command("update"))
    .description("change what people see of a cluster")
    .argument("<slug>", "its slug")
    .option("--name <text>", "the new name")
    .option("--description <text>", 'the new description; "" clears it')
    .action(async (slug: string, options: DescribeOptions) => {
      if (options.name === undefined && options.description === undefined) {
        throw new UsageError("nothing to change: give --name, --description or both");
      }
      await withClient(options, io, async (client) => {
        writeCluster(await client.clusters.update(slug, changes(options)), options, io);
      });
    });
}

function addDelete(cluster: Command, io: CliIo): void {
  withConnection(cluster.command("delete").alias("rm"))
    .description("delete a cluster to which no unfinished task is addressed and no runner is connected")
    .argument("<slug>", "its slug")
    .action(async (slug: string, options: ConnectionOptions) => {
      await withClient(options, io, async (client) => {
        await client.clusters.delete(slug);
        if (options.json === true) writeJson(io, { slug, deleted: true });
        else writeLines(io, [`Deleted cluster ${oneLine(slug)}.`]);
      });
    });
}

function changes({ name, description }: DescribeOptions): { displayName?: string; description?: string } {
  return { ...(name !== undefined && { displayName: name }), ...(description !== undefined && { description }) };
}

function writeCluster(cluster: Cluster, options: ConnectionOptions, io: CliIo): void {
  const fields = [
    ["slug", cluster.slug],
    ["name", oneLine(cluster.displayName)],
    ["description", oneLine(cluster.description)],
    ["created", formatTime(cluster.createdAt)],
    ["deletable", cluster.deletable ? "yes" : "no, it always exists"],
  ] as const;
  if (options.json === true) writeJson(io, cluster);
  else writeLines(io, formatFields(fields, stdoutStyle(io)));
}

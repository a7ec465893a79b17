/**
 * Carries out the steps of the Dockerfiles in empty folders, starts what comes out, and uses it: an orchestrator, and a runner on it. What a
 * COPY forgets, or .dockerignore leaves out, is missing here as it would be in a container.
 */
import { chmodSync, globSync, lstatSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import { connect } from "taskgrove";
import { CountPrimes } from "../../deploy/runner/tasks.ts";
import { freePort } from "../mongodb/free-port.ts";
import { freshDatabaseName, startMongoServer } from "../mongodb/start-server.ts";
import { type BuildContext, loadBuildContext } from "./build-context.ts";
import { type BuiltImage, buildImage } from "./build-image.ts";
import { Container } from "./container.ts";
import { parseDockerfile } from "./dockerfile.ts";
import { grpcHealth } from "./grpc-health.ts";

const PROJECT = join(import.meta.dirname, "../..");
const JOB_WITHIN_MS = 30_000;

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "taskgrove-container-"));
  chmodSync(folder, 0o755); // The images' user must get in.
  const context = loadBuildContext(PROJECT);
  for (const path of context.neverAdded) say(`${path} is left out, since it was never added to git`);
  try {
    const orchestrator = build("Dockerfile", context, join(folder, "orchestrator"));
    const runner = build("deploy/runner/Dockerfile", context, join(folder, "runner"));
    await tryOut(orchestrator, runner, {});
    await tryOutOnMongo(orchestrator, runner);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function build(path: string, context: BuildContext, folder: string): BuiltImage {
  try {
    const image = buildImage(parseDockerfile(readFileSync(join(PROJECT, path), "utf8")), context, folder);
    say(`${path}: ${sizeOf(image)} MiB beside the base image`);
    return image;
  } catch (error) {
    throw new Error(`${path}, ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

/** The driver is loaded only when it is used. */
async function tryOutOnMongo(orchestratorImage: BuiltImage, runnerImage: BuiltImage): Promise<void> {
  const server = await startMongoServer({ log: say });
  if (server.kind === "none" && process.env.REQUIRE_MONGODB === "1") throw new Error(server.message);
  if (server.kind === "none") return say(`Not tried with MongoDB. ${server.message}`);
  const database = freshDatabaseName();
  try {
    await tryOut(orchestratorImage, runnerImage, {
      TASKGROVE_STORE: "mongodb",
      TASKGROVE_MONGODB_URI: server.uri,
      TASKGROVE_MONGODB_DATABASE: database,
    });
  } finally {
    await using client = new MongoClient(server.uri);
    await client.db(database).dropDatabase();
    await server.stop();
  }
}

async function tryOut(
  orchestratorImage: BuiltImage,
  runnerImage: BuiltImage,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const grpcPort = await freePort();
  const httpPort = await freePort([grpcPort]);
  const address = `127.0.0.1:${grpcPort}`;
  const env = { ...settings, TASKGROVE_GRPC_PORT: `${grpcPort}`, TASKGROVE_HTTP_PORT: `${httpPort}` };

  await using orchestrator = new Container(orchestratorImage, { name: "the orchestrator", env });
  await orchestrator.untilHealthy();
  // Whoever listens on 127.0.0.1 only cannot be reached from outside of its container.
  for (const wanted of [`0.0.0.0:${grpcPort}`, `0.0.0.0:${httpPort}`]) {
    if (!orchestrator.output.includes(wanted))
      throw new Error(`the orchestrator does not listen on ${wanted}; it wrote:\n${orchestrator.output}`);
  }
  const status = await grpcHealth(address);
  if (status !== "SERVING") throw new Error(`gRPC health says ${status}`);
  say(`orchestrator on ${settings.TASKGROVE_STORE ?? "the embedded store"}: healthy, over HTTP and over gRPC`);

  await using runner = new Container(runnerImage, { name: "the runner", env: { TASKGROVE_ADDRESS: address } });
  await completeJob(address, runner);
  await runner.stop();
  say("runner: completed a job, drained, stopped");
  await orchestrator.stop();
  say("orchestrator: stopped gracefully");
}

async function completeJob(address: string, runner: Container): Promise<void> {
  using client = connect(address);
  const { id } = await client.jobs.submit("primes", new CountPrimes({ below: 1_000_000 }));
  const { state } = await client.jobs
    .wait(id, { signal: AbortSignal.timeout(JOB_WITHIN_MS) })
    .catch((cause: unknown) => {
      throw new Error(`the runner did not complete a job in time:\n${runner.output}`, { cause });
    });
  if (state !== "COMPLETED") throw new Error(`the job ended as ${state}:\n${runner.output}`);
}

/** In MiB, of what the Dockerfile adds to its base. */
function sizeOf({ root }: BuiltImage): string {
  const files = globSync("**", { cwd: root, exclude: ["usr/local/bin"] }).map((path) => lstatSync(join(root, path)));
  return (files.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0) / 2 ** 20).toFixed(1);
}

function say(line: string): void {
  console.log(line);
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

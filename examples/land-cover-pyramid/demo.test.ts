import { execFile } from "node:child_process";
import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeWithMongo } from "../../scripts/mongodb/describe-with-mongo.ts";
import { expectedTasks } from "./verify.ts";

const run = promisify(execFile);
const demo = fileURLToPath(new URL("demo.ts", import.meta.url));

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "taskgrove-demo-test-"));
});

afterAll(() => rm(directory, { recursive: true }));

describe("npm run demo", () => {
  it("kills a runner half way, and the picture is right", async () => {
    const picture = join(directory, "world.png");
    const { stdout } = await run(process.execPath, [demo, "--zoom", "4", "--out", picture]);
    await access(picture);
    expect(stdout).toMatch(/killed runner-\d \(process \d+\) with SIGKILL while it held \d+ tasks/);
    expect(stdout).toContain(`${expectedTasks(4)} tasks in `);
    expect(stdout).toContain("all 1048576 pixels equal");
    expect(stdout).not.toContain("MISMATCH");
    expect(stdout).toContain(`The picture: ${picture}`);
  });

  it("refuses what it cannot do, with exit code 2", async () => {
    const refused = run(process.execPath, [demo, "--store", "mysql"]);
    await expect(refused).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining("sqlite or mongodb") });
  });
});

describeWithMongo("npm run demo -- --store mongodb", (uri) => {
  it("kills a runner and one of two orchestrators half way, and the picture is right", async () => {
    const picture = join(directory, "mongodb.png");
    const args = [demo, "--store", "mongodb", "--zoom", "4", "--out", picture];
    const { stdout } = await run(process.execPath, args, { env: { ...process.env, MONGODB_URI: uri } });
    await access(picture);
    expect(stdout).toMatch(/store: MongoDB, the server of MONGODB_URI/);
    expect(stdout).toMatch(/killed runner-\d \(process \d+\) with SIGKILL while it held \d+ tasks/);
    expect(stdout).toMatch(/killed orchestrator-\d \(process \d+\) with SIGKILL/);
    expect(stdout).toContain(`${expectedTasks(4)} tasks in `);
    expect(stdout).toContain("all 1048576 pixels equal");
    expect(stdout).not.toContain("MISMATCH");
  });
});

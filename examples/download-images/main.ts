import { mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestServer } from "taskgrove/testing";
import { startFileServer } from "../shared/file-server.ts";
import { countTasks, formatTree, runJob } from "../shared/run-job.ts";
import { writeSampleImages } from "./sample-images.ts";
import { DownloadImages, DownloadImagesRecursively, downloadTasks } from "./tasks.ts";

const base = await mkdtemp(join(tmpdir(), "taskgrove-images-"));
const source = join(base, "served");
await mkdir(source);

await using files = await startFileServer(source);
await using orchestrator = await startTestServer();

for (const [title, TaskClass] of [
  ["flat", DownloadImages],
  ["recursive", DownloadImagesRecursively],
] as const) {
  for (const count of [5, 9]) {
    const directory = join(base, `${title}-${count}`);
    await mkdir(directory);
    const urls = (await writeSampleImages(source, count)).map((name) => `${files.url}/${name}`);
    const tree = await runJob({
      address: orchestrator.address,
      name: `download ${count} images, ${title}`,
      root: new TaskClass({ urls, directory }),
      runner: { tasks: downloadTasks, concurrency: 4 },
    });
    console.log(`${tree.job.name}: ${tree.job.state}, ${countTasks(tree)} tasks, into ${directory}`);
    console.log(`${formatTree(tree)}\n`);
    if (tree.job.state !== "COMPLETED") process.exitCode = 1;
  }
}

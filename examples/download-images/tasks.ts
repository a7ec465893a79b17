import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { NonRetryableError, Task, type TaskContext } from "taskgrove";

/** Images and the directory, on the runner's disk, that they go to. */
export type DownloadInput = { urls: string[]; directory: string };

/** The largest list that `DownloadImagesRecursively` does not halve. */
const ENOUGH = 4;

/** Downloads images, each as a subtask of its own: a flat tree. */
export class DownloadImages extends Task<DownloadInput> {
  override execute(context: TaskContext): void {
    submitDownloads(context, this.input);
  }
}

/** Downloads images by halving the list until at most four are left: a tree that grows while it runs. */
export class DownloadImagesRecursively extends Task<DownloadInput> {
  override execute(context: TaskContext): void {
    const { urls, directory } = this.input;
    if (urls.length <= ENOUGH) {
      submitDownloads(context, this.input);
      return;
    }
    const middle = Math.floor(urls.length / 2);
    for (const half of [urls.slice(0, middle), urls.slice(middle)]) {
      const display = `${half.length} images`;
      context.submitSubtask(new DownloadImagesRecursively({ urls: half, directory }), { display });
    }
  }
}

/** Downloads one PNG file. An answer that will not change (4xx, or no PNG) fails at once; anything else is retried. */
export class DownloadImage extends Task<{ url: string; directory: string }> {
  override async execute(context: TaskContext): Promise<void> {
    const { url, directory } = this.input;
    const response = await fetch(url, { signal: context.signal });
    if (response.status >= 400 && response.status < 500) throw new NonRetryableError(`${url}: ${response.status}`);
    if (!response.ok) throw new Error(`${url}: ${response.status}`);
    const bytes = Buffer.from(await response.arrayBuffer());
    if (!bytes.subarray(1, 4).equals(Buffer.from("PNG"))) throw new NonRetryableError(`${url} is no PNG file`);
    await writeFile(join(directory, basename(new URL(url).pathname)), bytes);
    context.progress("images").done(1);
  }
}

/** Everything that a runner of this example can execute. */
export const downloadTasks = [DownloadImages, DownloadImagesRecursively, DownloadImage] as const;

function submitDownloads(context: TaskContext, { urls, directory }: DownloadInput): void {
  context.progress("images").add(urls.length);
  for (const url of urls) {
    const display = basename(new URL(url).pathname);
    context.submitSubtask(new DownloadImage({ url, directory }), { display, maxRetries: 2 });
  }
}

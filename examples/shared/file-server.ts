import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { pipeline } from "node:stream/promises";

/** An HTTP server on this machine, as long as it is in scope. */
export interface LocalServer extends AsyncDisposable {
  /** Without a slash at the end. */
  readonly url: string;
}

/** Starts an HTTP server on a free port of the loopback address. */
export async function startLocalServer(listener: RequestListener): Promise<LocalServer> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      // Clients keep connections open for the next request.
      server.closeAllConnections();
      await closed;
    },
  };
}

const contentTypes: Readonly<Record<string, string>> = { ".png": "image/png", ".json": "application/json" };

/** Starts a server for the files that lie directly in a directory; anything else is 404. */
export async function startFileServer(directory: string): Promise<LocalServer> {
  return startLocalServer((request, response) => {
    const name = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname.slice(1));
    sendFile(directory, name, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined);
    });
  });
}

async function sendFile(directory: string, name: string, response: ServerResponse): Promise<void> {
  const path = join(directory, name);
  const file = /^[\w-]+\.\w+$/.test(name) ? await stat(path).catch(() => undefined) : undefined;
  if (!file?.isFile()) {
    response.writeHead(404).end();
    return;
  }
  const contentType = contentTypes[extname(name)] ?? "application/octet-stream";
  response.writeHead(200, { "content-type": contentType, "content-length": file.size });
  await pipeline(createReadStream(path), response);
}

import type { Client, ClientDuplexStream, ClientReadableStream } from "@grpc/grpc-js";
import { toTaskgroveError } from "../errors.ts";

/** A method as the generated service definitions describe it. */
export interface Method<Request, Response> {
  readonly path: string;
  requestSerialize(request: Request): Buffer;
  responseDeserialize(bytes: Buffer): Response;
}

/** Awaits one unary call. Rejects with a TaskgroveError. */
export function unary<Request, Response>(
  client: Client,
  method: Method<Request, Response>,
  request: NoInfer<Request>,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest<Request, Response>(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      (error, response) => {
        if (error || response === undefined) reject(toTaskgroveError(error));
        else resolve(response);
      },
    );
  });
}

/** Opens a stream of responses. */
export function openServerStream<Request, Response>(
  client: Client,
  method: Method<Request, Response>,
  request: NoInfer<Request>,
): ClientReadableStream<Response> {
  return client.makeServerStreamRequest(method.path, method.requestSerialize, method.responseDeserialize, request);
}

/** Opens a stream in both directions. */
export function openBidiStream<Request, Response>(
  client: Client,
  method: Method<Request, Response>,
): ClientDuplexStream<Request, Response> {
  return client.makeBidiStreamRequest(method.path, method.requestSerialize, method.responseDeserialize);
}

/** A page of a list. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** Empty: the last page. */
  readonly nextPageToken: string;
}

/** All items of a paged list, one page ahead of nothing: a page is fetched when its first item is asked for. */
export async function* paginate<Item>(fetch: (pageToken: string) => Promise<Page<Item>>): AsyncGenerator<Item> {
  let pageToken = "";
  do {
    const page = await fetch(pageToken);
    yield* page.items;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}

import {
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientWritableStream,
  credentials,
  type MethodDefinition,
  type StatusObject,
} from "@grpc/grpc-js";
import { SubmitJobRequest } from "../gen/taskgrove/v1/job_service.ts";
import { build, type Some } from "./build.ts";

/** The part of a generated method that a call needs. */
type Method<Request, Response> = Pick<
  MethodDefinition<Request, Response>,
  "path" | "requestSerialize" | "responseDeserialize"
>;

/** Calls single methods as they are in the contract, for tests. */
export class RawClient implements Disposable {
  readonly #client: Client;

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
  }

  /** Resolves to the response, rejects with grpc-js's `ServiceError`. */
  unary<Request, Response>(method: Method<Request, Response>, request: Request): Promise<Response> {
    const { path, requestSerialize, responseDeserialize } = method;
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, response) => {
        if (error === null && response !== undefined) resolve(response);
        else reject(error ?? new Error("no response"));
      });
    });
  }

  serverStream<Request, Response>(method: Method<Request, Response>, request: Request): ClientReadableStream<Response> {
    const { path, requestSerialize, responseDeserialize } = method;
    return this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request);
  }

  /** The stream to write to, and what it comes to. */
  clientStream<Request, Response>(
    method: Method<Request, Response>,
  ): { readonly call: ClientWritableStream<Request>; readonly response: Promise<Response> } {
    const { path, requestSerialize, responseDeserialize } = method;
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const call = this.#client.makeClientStreamRequest<Request, Response>(
      path,
      requestSerialize,
      responseDeserialize,
      (error, response) => {
        if (error === null && response !== undefined) resolve(response);
        else reject(error ?? new Error("no response"));
      },
    );
    return { call, response: promise };
  }

  bidiStream<Request, Response>(method: Method<Request, Response>): ClientDuplexStream<Request, Response> {
    const { path, requestSerialize, responseDeserialize } = method;
    return this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

/** All messages of a stream, and how it ended. */
export async function readAll<Response>(
  call: ClientReadableStream<Response>,
): Promise<{ readonly messages: Response[]; readonly status: StatusObject }> {
  const messages: Response[] = [];
  const status = new Promise<StatusObject>((resolve) => call.on("status", resolve));
  call.on("error", () => {});
  call.on("data", (message: Response) => messages.push(message));
  return { status: await status, messages };
}

/** A job of `inputs.length` independent root tasks `Task` v1.0, but for what is given. */
export function aJob(inputs: readonly string[] = ["input"], changes: Some<SubmitJobRequest> = {}): SubmitJobRequest {
  return build(SubmitJobRequest, {
    name: "job",
    tasks: {
      templates: [{ identifier: { name: "Task", version: "v1.0" } }],
      groups: [{ tasks: inputs.map((input) => ({ template: 0, input: Buffer.from(input) })) }],
    },
    ...changes,
  });
}

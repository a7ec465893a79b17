import { Client, credentials } from "@grpc/grpc-js";
import { service } from "grpc-health-check";

const WITHIN_MS = 5_000;

/** What the health service of a gRPC server says of the whole server, for example SERVING. Rejects when it does not answer in time. */
export async function grpcHealth(address: string): Promise<string> {
  const method = service.Check;
  if (method === undefined) throw new Error("the health service has no method Check");
  const client = new Client(address, credentials.createInsecure());
  try {
    return await new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        { service: "" },
        { deadline: Date.now() + WITHIN_MS },
        (error, response) => (error ? reject(error) : resolve(String((response as { status?: unknown }).status))),
      );
    });
  } finally {
    client.close();
  }
}

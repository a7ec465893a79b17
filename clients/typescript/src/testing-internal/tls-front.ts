import { once } from "node:events";
import { connect } from "node:net";
import { createServer } from "node:tls";

/**
 * For `localhost` and `127.0.0.1`, signed by itself, valid from 2000 until 2126. Checked in because Node cannot make one, and a test should not need a
 * program for that; the key protects nothing.
 */
export const testCertificate = `-----BEGIN CERTIFICATE-----
MIIBczCCARmgAwIBAgIBATAKBggqhkjOPQQDAjAaMRgwFgYDVQQDDA9UYXNrZ3Jv
dmUgdGVzdHMwIBcNMDAwMTAxMDAwMDAwWhgPMjEyNjAxMDEwMDAwMDBaMBoxGDAW
BgNVBAMMD1Rhc2tncm92ZSB0ZXN0czBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA
BDSkxFtvJDnBfxFgWq2eZp8lduAO7D/48EARpzyzMnAp5zR9t2JPnqpwY8cBHFc4
r9fNRhmiGy04I7txi+Y1lqqjTjBMMBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAA
ATAPBgNVHRMBAf8EBTADAQH/MB0GA1UdDgQWBBQgciggWzLyvkSoRNvN2TLYGvYP
pDAKBggqhkjOPQQDAgNIADBFAiBdEIgq2r1LcHgklLwrmhZo4/P0WsMcwZg+JqAG
JHiiLgIhAINFEpy+8cbGms9jj7aJFCK5YbbcB/O0WXIFPgaEp39o
-----END CERTIFICATE-----
`;

const testKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4ONji1aN240PE1/S
CvOIWbvqGs/yxuNex3IhI6VJ++ihRANCAAQ0pMRbbyQ5wX8RYFqtnmafJXbgDuw/
+PBAEac8szJwKec0fbdiT56qcGPHARxXOK/XzUYZohstOCO7cYvmNZaq
-----END PRIVATE KEY-----
`;

/** A proxy that takes TLS away, as one stands before an orchestrator. */
export interface TlsFront extends AsyncDisposable {
  readonly port: number;
}

/** Starts one before a `host:port`. */
export async function startTlsFront(target: string): Promise<TlsFront> {
  const [host, port] = target.split(":");
  const server = createServer({ cert: testCertificate, key: testKey, ALPNProtocols: ["h2"] }, (outside) => {
    const inside = connect(Number(port), host);
    outside.pipe(inside).pipe(outside);
    outside.on("error", () => inside.destroy()).on("close", () => inside.destroy());
    inside.on("error", () => outside.destroy()).on("close", () => outside.destroy());
  });
  // Clients that do not trust it hang up.
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      server.close();
    },
  };
}

import { type ChannelCredentials, type ChannelOptions, Client, credentials } from "@grpc/grpc-js";
import type { TlsOptions } from "../client/options.ts";
import type { Address } from "./addresses.ts";

const maxMessageBytes = 64 * 1024 * 1024;

/**
 * Retries are off because a long stream would keep all that it sent for them. The HTTP/2 window is raised because the default of 64 KiB
 * halves the throughput of frames beyond 20-40 KB. After an outage the default is to stay away for up to two minutes longer; and an
 * orchestrator that is gone without a word is only noticed by pings that go unanswered. Each channel has a pool of its own: a connection that
 * failed elsewhere must not delay this one.
 */
const channelOptions: ChannelOptions = {
  "grpc.max_receive_message_length": maxMessageBytes,
  "grpc.max_send_message_length": maxMessageBytes,
  "grpc.enable_retries": 0,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 5_000,
  "grpc.keepalive_time_ms": 20_000,
  "grpc.keepalive_timeout_ms": 10_000,
  "grpc.use_local_subchannel_pool": 1,
  "grpc-node.flow_control_window": 4 * 1024 * 1024,
};

/** A client for one orchestrator. It connects when it is first used. */
export function createGrpcClient({ target, options }: Address, tls: TlsOptions): Client {
  return new Client(target, createCredentials(tls), { ...channelOptions, ...options });
}

function createCredentials(tls: TlsOptions): ChannelCredentials {
  if (!tls) return credentials.createInsecure();
  if (tls === true) return credentials.createSsl();
  return credentials.createSsl(
    toBuffer(tls.rootCertificates),
    toBuffer(tls.privateKey),
    toBuffer(tls.certificateChain),
  );
}

function toBuffer(pem: string | Uint8Array | undefined): Buffer | null {
  return pem === undefined ? null : Buffer.from(pem);
}

import { type ChannelCredentials, type ChannelOptions, credentials } from "@grpc/grpc-js";
import type { TlsOptions } from "../client/options.ts";

const defaultAddress = "127.0.0.1:4150";
const maxMessageBytes = 64 * 1024 * 1024;

/** The address to use when none is given. */
export function addressFromEnvironment(): string {
  return process.env.TASKGROVE_ADDRESS || defaultAddress;
}

/**
 * Options for every channel. Retries are off because a long stream would keep all that it sent for them. The HTTP/2 window is raised
 * because the default of 64 KiB halves the throughput of frames beyond 20-40 KB. After an outage the default is to stay away for up to two
 * minutes longer; and an orchestrator that is gone without a word is only noticed by pings that go unanswered.
 */
export const channelOptions: ChannelOptions = {
  "grpc.max_receive_message_length": maxMessageBytes,
  "grpc.max_send_message_length": maxMessageBytes,
  "grpc.enable_retries": 0,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 5_000,
  "grpc.keepalive_time_ms": 20_000,
  "grpc.keepalive_timeout_ms": 10_000,
  "grpc-node.flow_control_window": 4 * 1024 * 1024,
};

/** Credentials of a channel. */
export function createCredentials(tls: TlsOptions | undefined): ChannelCredentials {
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

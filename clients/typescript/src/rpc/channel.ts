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
 * because the default of 64 KiB halves the throughput of frames beyond 20-40 KB.
 */
export const channelOptions: ChannelOptions = {
  "grpc.max_receive_message_length": maxMessageBytes,
  "grpc.max_send_message_length": maxMessageBytes,
  "grpc.enable_retries": 0,
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

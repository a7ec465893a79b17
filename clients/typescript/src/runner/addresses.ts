import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { ChannelOptions } from "@grpc/grpc-js";

/** One place to connect to. */
export interface Address {
  /** As gRPC takes it. */
  readonly target: string;
  /** Options of the channel that belong to it. */
  readonly options: ChannelOptions;
}

/**
 * All places that the configured addresses stand for: a name is resolved to each of its IP addresses, so that a runner can go elsewhere
 * when one of them is lost. What is not `host:port` is left to gRPC. A name that cannot be resolved at the moment gives none.
 */
export async function resolveAddresses(configured: readonly string[]): Promise<Address[]> {
  return (await Promise.all(configured.map(resolveAddress))).flat();
}

async function resolveAddress(configured: string): Promise<Address[]> {
  const match = /^([^:/[\]]+):(\d+)$/.exec(configured);
  const [host, port] = [match?.[1], match?.[2]];
  if (host === undefined || port === undefined || isIP(host) !== 0) return [{ target: configured, options: {} }];
  const options = { "grpc.default_authority": `${host}:${port}`, "grpc.ssl_target_name_override": host };
  const found = await lookup(host, { all: true }).catch(() => []);
  return found.map(({ address, family }) => ({
    target: family === 6 ? `ipv6:[${address}]:${port}` : `ipv4:${address}:${port}`,
    options,
  }));
}

/** One of the addresses by chance; the one to avoid only when there is no other. */
export function pickAddress(
  addresses: readonly Address[],
  avoid: string | undefined,
  random: () => number,
): Address | undefined {
  const others = addresses.filter((address) => address.target !== avoid);
  const candidates = others.length > 0 ? others : addresses;
  return candidates[Math.floor(random() * candidates.length)];
}

import type { LookupAddress } from "node:dns";
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

/** All places that configured addresses stand for at the moment. */
export type Resolve = (configured: readonly string[]) => Promise<readonly Address[]>;

/** All IP addresses that a name stands for at the moment. Rejects when it stands for none. */
export type LookUp = (host: string) => Promise<readonly LookupAddress[]>;

const defaultAddress = "127.0.0.1:4150";
const hostAndPort = /^(?:[^\s:/[\]]+|\[[^\s/[\]]+\]):(\d{1,5})$/;
/** What only gRPC understands, for example `unix:/run/taskgrove.sock`. */
const grpcTarget = /^(?:unix|unix-abstract|dns|ipv4|ipv6):\S+$/;

/**
 * The addresses that options name, else those of the environment's `TASKGROVE_ADDRESS`, else the usual one on this machine.
 *
 * @throws TypeError for one that is no address, or for none at all.
 */
export function configuredAddresses(options: {
  readonly address?: string | undefined;
  readonly addresses?: readonly string[] | undefined;
}): readonly string[] {
  if (options.addresses) return checkAddresses(options.addresses);
  if (options.address !== undefined) return checkAddresses(options.address.split(","));
  const { TASKGROVE_ADDRESS: fromEnvironment } = process.env;
  if (!fromEnvironment) return [defaultAddress];
  try {
    return checkAddresses(fromEnvironment.split(","));
  } catch (error) {
    throw new TypeError(`TASKGROVE_ADDRESS: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

function checkAddresses(given: readonly string[]): readonly string[] {
  if (given.length === 0) throw new TypeError("there must be at least one address");
  return given.map((text) => checkAddress(text.trim()));
}

function checkAddress(address: string): string {
  const port = Number(hostAndPort.exec(address)?.[1]);
  if ((port >= 1 && port <= 65_535) || grpcTarget.test(address)) return address;
  throw new TypeError(
    `${JSON.stringify(address)} is not an address; it must be host:port, such as 127.0.0.1:4150, and commas stand between several`,
  );
}

/**
 * All places that the configured addresses stand for: a name is resolved to each of its IP addresses, so that one can go elsewhere
 * when one of them is lost. What is not `host:port` is left to gRPC. A name that cannot be resolved at the moment gives none.
 */
export async function resolveAddresses(
  configured: readonly string[],
  lookUp: LookUp = (host) => lookup(host, { all: true }),
): Promise<Address[]> {
  return (await Promise.all(configured.map((address) => resolveAddress(address, lookUp)))).flat();
}

async function resolveAddress(configured: string, lookUp: LookUp): Promise<Address[]> {
  const match = /^([^:/[\]]+):(\d+)$/.exec(configured);
  const [host, port] = [match?.[1], match?.[2]];
  if (host === undefined || port === undefined || isIP(host) !== 0) return [{ target: configured, options: {} }];
  const options = { "grpc.default_authority": `${host}:${port}`, "grpc.ssl_target_name_override": host };
  const found = await lookUp(host).catch(() => []);
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

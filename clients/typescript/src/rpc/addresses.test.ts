import { afterEach, describe, expect, it, vi } from "vitest";
import { configuredAddresses, pickAddress, resolveAddresses } from "./addresses.ts";

describe("addresses", () => {
  it("are left to gRPC when they are no names with a port", async () => {
    const configured = ["127.0.0.1:4150", "[::1]:4150", "unix:/tmp/taskgrove.sock", "dns:///example.com:4150"];
    expect((await resolveAddresses(configured)).map(({ target }) => target)).toEqual(configured);
  });

  it("that are names stand for each of their IP addresses, and keep the name for TLS", async () => {
    const found = await resolveAddresses(["localhost:4150"]);
    expect(found.length).toBeGreaterThan(0);
    for (const { target, options } of found) {
      expect(target).toMatch(/^(ipv4:127\.0\.0\.\d+|ipv6:\[::1\]):4150$/);
      expect(options).toEqual({
        "grpc.default_authority": "localhost:4150",
        "grpc.ssl_target_name_override": "localhost",
      });
    }
  });

  it("that cannot be resolved at the moment are left out", async () => {
    expect(await resolveAddresses(["no-such-host.invalid:1", "127.0.0.1:2"])).toHaveLength(1);
  });

  it("of a name are asked for anew each time: the addresses behind it come and go", async () => {
    let found = [{ address: "10.0.0.1", family: 4 }];
    const lookUp = async (host: string) => (host === "orchestrators" ? found : []);
    const targets = async () => (await resolveAddresses(["orchestrators:4150"], lookUp)).map(({ target }) => target);
    expect(await targets()).toEqual(["ipv4:10.0.0.1:4150"]);
    found = ["10.0.0.2", "10.0.0.3"].map((address) => ({ address, family: 4 }));
    expect(await targets()).toEqual(["ipv4:10.0.0.2:4150", "ipv4:10.0.0.3:4150"]);
  });

  it("are taken by chance, but not the one to avoid unless there is no other", () => {
    const [a, b, c] = ["a", "b", "c"].map((target) => ({ target, options: {} }));
    const all = [a, b, c].filter((address) => address !== undefined);
    expect(pickAddress(all, undefined, () => 0)).toBe(a);
    expect(pickAddress(all, undefined, () => 0.99)).toBe(c);
    expect(pickAddress(all, "a", () => 0)).toBe(b);
    expect(pickAddress(all.slice(0, 1), "a", () => 0.5)).toBe(a);
    expect(pickAddress([], undefined, () => 0)).toBeUndefined();
  });
});

describe("configured addresses", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it("are those of the options, else of the environment, else the usual one", () => {
    vi.stubEnv("TASKGROVE_ADDRESS", "c:3,[::1]:4");
    expect(configuredAddresses({ addresses: ["a:1", "unix:/tmp/x.sock"], address: "b:2" })).toEqual([
      "a:1",
      "unix:/tmp/x.sock",
    ]);
    expect(configuredAddresses({ address: " a:1, b:2 " })).toEqual(["a:1", "b:2"]);
    expect(configuredAddresses({})).toEqual(["c:3", "[::1]:4"]);
    vi.stubEnv("TASKGROVE_ADDRESS", "");
    expect(configuredAddresses({})).toEqual(["127.0.0.1:4150"]);
  });

  it.each(["", "localhost", "a:1,", "a:1,,b:2", "a:1 b:2", "a:0", "a:65536", "a:x", "http://a:1", "::1:4150"])(
    "%j is refused",
    (address) => {
      expect(() => configuredAddresses({ address })).toThrow(/^".*" is not an address; it must be host:port/);
    },
  );

  it("are at least one, and say whether the environment is to blame", () => {
    expect(() => configuredAddresses({ addresses: [] })).toThrow("there must be at least one address");
    vi.stubEnv("TASKGROVE_ADDRESS", "a:1;b:2");
    expect(() => configuredAddresses({})).toThrow('TASKGROVE_ADDRESS: "a:1;b:2" is not an address');
  });
});

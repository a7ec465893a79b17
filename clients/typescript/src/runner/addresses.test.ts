import { describe, expect, it } from "vitest";
import { pickAddress, resolveAddresses } from "./addresses.ts";

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

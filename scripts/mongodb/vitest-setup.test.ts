import { MongoClient } from "mongodb";
import { describe, expect, inject, it } from "vitest";
import { describeWithMongo, mongoForTests } from "./describe-with-mongo.ts";
import { freshDatabaseName } from "./start-server.ts";
import { sharedServer } from "./vitest-setup.ts";

describe("the server of a test run", () => {
  it("is none where there is none, which one line says together with the command that installs one", async () => {
    const lines: string[] = [];
    const shared = await sharedServer({}, { server: null, log: (line) => lines.push(line) });
    expect(shared.uri).toBeNull();
    expect(lines).toEqual([expect.stringMatching(/^The MongoDB tests are skipped: .*npm run mongodb:install/)]);
    await shared.stop();
  });

  it("must be there when the environment requires it", async () => {
    const log = () => {};
    await expect(sharedServer({ REQUIRE_MONGODB: "1" }, { server: null, log })).rejects.toThrow(
      "npm run mongodb:install",
    );
    expect((await sharedServer({ REQUIRE_MONGODB: "0" }, { server: null, log })).uri).toBeNull();
  });

  it("is the one of MONGODB_URI, if that is what was found", async () => {
    const server = { kind: "external", uri: "mongodb://db.example/" } as const;
    const shared = await sharedServer({ REQUIRE_MONGODB: "1" }, { server, log: () => {} });
    expect(shared.uri).toBe("mongodb://db.example/");
  });
});

describe("mongoForTests", () => {
  it("is what the run provides", () => {
    expect(mongoForTests()).toBe(inject("mongodbUri"));
  });
});

describe("freshDatabaseName", () => {
  it("never gives the same name twice, and none that MongoDB refuses", () => {
    const names = Array.from({ length: 1_000 }, freshDatabaseName);
    expect(new Set(names).size).toBe(1_000);
    for (const name of names) expect(name).toMatch(/^[a-z_0-9]{1,38}$/);
  });
});

describeWithMongo("describeWithMongo", (uri) => {
  it("gives the shared server, which takes writes into a database of one's own", async () => {
    await using client = new MongoClient(uri);
    const database = client.db(freshDatabaseName());
    try {
      await database.collection("notes").insertOne({ text: "one" });
      expect(await database.collection("notes").countDocuments()).toBe(1);
    } finally {
      await database.dropDatabase();
    }
  });
});

import { MongoClient } from "mongodb";
import { expect, it } from "vitest";
import { describeWithMongo } from "./describe-with-mongo.ts";
import { type MongoServer, startMongoServer } from "./start-server.ts";

async function startOwn(): Promise<MongoServer> {
  const server = await startMongoServer({ log: () => {} });
  if (server.kind === "none") throw new Error(server.message);
  return server;
}

async function connect(uri: string): Promise<MongoClient> {
  return await new MongoClient(uri, { writeConcern: { w: "majority" } }).connect();
}

describeWithMongo("a MongoDB server of our own", () => {
  it("takes transactions", async () => {
    await using server = await startOwn();
    await using client = await connect(server.uri);
    const notes = client.db("test").collection("notes");
    await client.withSession((session) =>
      session.withTransaction(async () => {
        await notes.insertOne({ text: "one" }, { session });
        await notes.insertOne({ text: "two" }, { session });
      }),
    );
    expect(await notes.countDocuments()).toBe(2);
  });
});

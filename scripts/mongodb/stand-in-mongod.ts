// What the starter of a real mongod needs of one, for the tests of it on machines that have none: its flags, the handshake, hello, and
// replSetInitiate. Its nodes know of each other by a file in the folder that holds them all.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { BSON, type Document } from "mongodb";

const { values } = parseArgs({
  options: {
    dbpath: { type: "string", default: "" },
    bind_ip: { type: "string", default: "" },
    port: { type: "string", default: "" },
    nounixsocket: { type: "boolean" },
    replSet: { type: "string", default: "" },
    oplogSize: { type: "string" },
    wiredTigerCacheSizeGB: { type: "string" },
    quiet: { type: "boolean" },
    setParameter: { type: "string", multiple: true },
  },
});
if (!existsSync(values.dbpath)) throw new Error(`Data directory ${values.dbpath} not found`);

const SHARED = join(values.dbpath, "..", "..", "config.json");
const ME = `${values.bind_ip}:${values.port}`;

/** A primary is elected at the third question about it, so that a starter which does not wait for one fails. */
let questions = 0;

function answer(command: Document): Document {
  if ("replSetInitiate" in command) return initiate(command.replSetInitiate);
  if ("hello" in command || "isMaster" in command || "ismaster" in command) return hello();
  return { ok: 1 };
}

function initiate(config: Document): Document {
  if (config._id !== values.replSet) return { ok: 0, code: 93, errmsg: `our set is called ${values.replSet}` };
  if (existsSync(SHARED)) return { ok: 0, code: 23, errmsg: "already initialized" };
  writeFileSync(SHARED, JSON.stringify(config.members));
  return { ok: 1 };
}

function hello(): Document {
  const always = { me: ME, minWireVersion: 0, maxWireVersion: 27, maxBsonObjectSize: 16_777_216, helloOk: true, ok: 1 };
  if (!existsSync(SHARED)) return { ...always, isWritablePrimary: false, secondary: false, isreplicaset: true };
  const hosts = JSON.parse(readFileSync(SHARED, "utf8")).map(({ host }: { host: string }) => host);
  const isPrimary = hosts[0] === ME && ++questions > 2;
  const primary = questions > 2 || hosts[0] !== ME ? { primary: hosts[0] } : {};
  return { ...always, setName: values.replSet, hosts, isWritablePrimary: isPrimary, secondary: !isPrimary, ...primary };
}

/** Reads whole messages: OP_MSG (2013), and the OP_QUERY (2004) of the first handshake. */
function serve(socket: Socket): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on("error", () => {});
  socket.on("data", (data) => {
    rest = Buffer.concat([rest, data]);
    while (rest.length >= 4 && rest.length >= rest.readInt32LE(0)) {
      const length = rest.readInt32LE(0);
      socket.write(reply(rest.subarray(0, length)));
      rest = rest.subarray(length);
    }
  });
}

function reply(message: Buffer): Buffer {
  const isQuery = message.readInt32LE(12) === 2004;
  const at = isQuery ? message.indexOf(0, 20) + 9 : 21;
  const command = BSON.deserialize(message.subarray(at, at + message.readInt32LE(at)));
  const document = BSON.serialize(answer(command));
  const before = isQuery ? Buffer.from([8, ...Array<number>(15).fill(0), 1, 0, 0, 0]) : Buffer.from([0, 0, 0, 0, 0]);
  const header = Buffer.alloc(16);
  header.writeInt32LE(16 + before.length + document.length, 0);
  header.writeInt32LE(message.readInt32LE(4), 8);
  header.writeInt32LE(isQuery ? 1 : 2013, 12);
  return Buffer.concat([header, before, document]);
}

createServer(serve).listen(Number(values.port), values.bind_ip);

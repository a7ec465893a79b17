import { MongoClient } from "mongodb";

const DEFAULT_PORT = 27_017;

/** The port of the first server of a connection string. What stands between a test and a server takes the server to be on this machine. */
export function portOf(uri: string): number {
  return new MongoClient(uri).options.hosts[0]?.port ?? DEFAULT_PORT;
}

/** The connection string that leads to the same server by way of this port; `options` (`name=value&name=value`) are added. */
export function through(port: number, uri: string, options = "directConnection=true"): string {
  const [, credentials = "", given = ""] = /^mongodb:\/\/([^@/?]*@)?[^/?]*\/?[^?]*(?:\?(.*))?$/.exec(uri) ?? [];
  const kept = given.split("&").filter((option) => option !== "" && !/^(replicaSet|directConnection)=/i.test(option));
  const all = [...kept, ...(options.includes("directConnection=") ? [] : ["directConnection=true"]), options];
  return `mongodb://${credentials}127.0.0.1:${port}/?${all.join("&")}`;
}

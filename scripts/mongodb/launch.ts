import { join } from "node:path";
import type { ServerKind } from "./find-server.ts";

/** The name of the replica set: ours for a mongod, its own fixed one for SecantusDB. */
export function replicaSetName(kind: ServerKind): string {
  return kind === "mongod" ? "taskgrove" : "secantus";
}

/** Where one server process listens, on 127.0.0.1, and keeps its files. */
export interface Seat {
  readonly port: number;
  /** Its own folder; data, log and configuration are in it. */
  readonly folder: string;
}

/** The folder of a seat that holds the data. The caller makes it. */
export function dataFolder(seat: Seat): string {
  return join(seat.folder, "data");
}

/** The file that gets what the server prints. */
export function logFile(seat: Seat): string {
  return join(seat.folder, "server.log");
}

/** The configuration file of a seat, for SecantusDB: empty, and given so that it looks for no other one on the machine. The caller makes it. */
export function configFile(seat: Seat): string {
  return join(seat.folder, "server.conf");
}

/**
 * The arguments that start a server so that it survives kill -9 without losing what it acknowledged: a mongod does by itself (majority
 * writes wait for its journal), SecantusDB with --sync-on-commit.
 */
export function launchArguments(kind: ServerKind, seat: Seat): string[] {
  return kind === "mongod" ? mongodArguments(seat) : secantusArguments(kind, seat);
}

function mongodArguments(seat: Seat): string[] {
  return [
    ...["--dbpath", dataFolder(seat)],
    ...["--bind_ip", "127.0.0.1", "--port", String(seat.port), "--nounixsocket"],
    ...["--replSet", replicaSetName("mongod"), "--oplogSize", "1024", "--wiredTigerCacheSizeGB", "0.25"],
    ...["--quiet", "--setParameter", "diagnosticDataCollectionEnabled=false"],
  ];
}

function secantusArguments(kind: Exclude<ServerKind, "mongod">, seat: Seat): string[] {
  return [
    ...["--config", configFile(seat), "--storage-path", dataFolder(seat)],
    ...["--host", "127.0.0.1", "--port", String(seat.port)],
    ...["--sync-on-commit", "--cache-size", "256M", "--log-level", "WARNING"],
    // A log file is allocated in full: the default of 128 MB is what an empty database would take.
    ...(kind === "secantus-rs" ? ["--log-file-max", "32MB"] : []),
  ];
}

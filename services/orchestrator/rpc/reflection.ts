import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Server } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";
import { protoPath as healthProto } from "grpc-health-check";

const PROTO_ROOT = fileURLToPath(new URL("../../../proto/", import.meta.url));
const PACKAGE_FOLDER = "taskgrove/v1";

/** Adds server reflection, so that generic tools can call this server without the schemas. */
export function addReflection(server: Server): void {
  const files = readdirSync(`${PROTO_ROOT}${PACKAGE_FOLDER}`)
    .filter((name) => name.endsWith(".proto"))
    .map((name) => `${PACKAGE_FOLDER}/${name}`);
  const definition = loadSync([...files, healthProto], { includeDirs: [PROTO_ROOT] });
  new ReflectionService(definition).addToServer(server);
}

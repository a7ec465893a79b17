import type { Server } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";

/** gRPC health, for the server as a whole and for each service. */
export interface Health {
  setServing(serving: boolean): void;
}

/** Adds the health service for these services to a server; NOT_SERVING until told otherwise. */
export function addHealth(server: Server, services: readonly string[]): Health {
  const names = ["", ...services];
  const implementation = new HealthImplementation();
  implementation.addToServer(server);
  const health: Health = {
    setServing(serving) {
      for (const name of names) implementation.setStatus(name, serving ? "SERVING" : "NOT_SERVING");
    },
  };
  health.setServing(false);
  return health;
}

import { defineConfig } from "vitest/config";

/** Random runs of the engine against the reference model; see vitest.config.ts for the other tests. */
export default defineConfig({
  test: { include: ["services/**/*.property.test.ts"], testTimeout: 600_000 },
});

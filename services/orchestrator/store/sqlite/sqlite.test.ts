import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runStoreContract } from "../contract/index.ts";
import { openSqliteStore } from "./index.ts";

runStoreContract({
  name: "SQLite",
  sharing: "exclusive",
  async createStore() {
    const folder = mkdtempSync(join(tmpdir(), "taskgrove-test-"));
    const open = async () => openSqliteStore({ file: join(folder, "taskgrove.db"), synchronous: "OFF" });
    return { store: await open(), open, destroy: async () => rmSync(folder, { recursive: true }) };
  },
});
